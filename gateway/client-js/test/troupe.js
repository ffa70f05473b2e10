/**
 * A Troupe of one's own, behind a door whose address stays.
 *
 * The door is what a reverse proxy is: it serves the page's files, passes the
 * rest on to wherever Troupe listens now, and can be stalled.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const PASSWORD = 'correct horse battery';
const PATIENCE_MS = 20000;
const FILES = fileURLToPath(new URL('..', import.meta.url));
const TYPES = { '.js': 'text/javascript', '.html': 'text/html' };

export class Troupe {
	constructor(settings = {}) {
		this.settings = settings;
		this.process = null;
		this.port = 0;
	}

	async start() {
		const binary = process.env.TROUPE;

		if (!binary)
			throw new Error('TROUPE: name the program to test');
		this.home ??= await mkdtemp(path.join(os.tmpdir(), 'troupe-client-'));
		const set = Object.entries(this.settings)
			.flatMap(([name, value]) => ['--set', `${name}=${value}`]);
		this.process = spawn(binary, ['run', '--data', this.home,
			'--listen', '127.0.0.1:0', ...set],
		{ stdio: ['ignore', 'pipe', 'ignore'] });
		for await (const line of readline.createInterface(
			{ input: this.process.stdout })) {
			const ready = /^ready .*?\bhttp=[^ ]+:(\d+)/.exec(line);
			if (ready !== null) {
				this.port = Number(ready[1]);
				this.process.stdout.resume();
				return this;
			}
		}
		throw new Error('troupe has not started');
	}

	/** As a power cut would. */
	async kill() {
		const gone = once(this.process, 'exit');
		this.process.kill('SIGKILL');
		await gone;
		this.process = null;
	}

	async close() {
		if (this.process !== null)
			await this.kill();
		await rm(this.home, { recursive: true, force: true });
	}
}

/** Listens once, on a port the system chose. */
export class Door {
	constructor(troupe) {
		this.troupe = troupe;
		this.reports = [];
		this.onReport = () => {};
		this.pipes = new Set();
		this.server = http.createServer((q, r) => this.#answer(q, r));
		this.server.on('upgrade', (q, s, head) => this.#upgrade(q, s, head));
	}

	async open() {
		this.server.listen(0, '127.0.0.1');
		await once(this.server, 'listening');
		this.url = `http://127.0.0.1:${this.server.address().port}`;
		return this;
	}

	/** Live sockets hang from now on: nothing passes, nothing ends. */
	stall() {
		for (const [client, inner] of this.pipes) {
			client.unpipe();
			inner.unpipe();
			client.pause();
			inner.pause();
		}
	}

	async #answer(request, reply) {
		const { pathname } = new URL(request.url, 'http://door');

		if (pathname.startsWith('/files/'))
			await this.#file(pathname.slice('/files/'.length), reply);
		else if (pathname === '/report')
			this.#report(request, reply);
		else
			this.#pass(request, reply);
	}

	async #file(name, reply) {
		try {
			const body = await readFile(path.join(FILES, path.normalize(name)));
			reply.writeHead(200, { 'Content-Type': TYPES[path.extname(name)] });
			reply.end(body);
		} catch {
			reply.writeHead(404).end();
		}
	}

	#report(request, reply) {
		let text = '';

		request.on('data', (part) => { text += part; });
		request.on('end', () => {
			this.reports.push(JSON.parse(text));
			this.onReport();
			reply.writeHead(204).end();
		});
	}

	#pass(request, reply) {
		const { method, url, headers } = request;
		const inner = http.request({ host: '127.0.0.1', port: this.troupe.port,
			method, path: url, headers }, (answer) => {
			reply.writeHead(answer.statusCode, answer.headers);
			answer.pipe(reply);
		});

		inner.on('error', () => {
			if (reply.headersSent)
				reply.destroy();
			else
				reply.writeHead(502).end();
		});
		request.pipe(inner);
	}

	#upgrade(request, client, head) {
		const inner = net.connect(this.troupe.port, '127.0.0.1');
		const pair = [client, inner];
		const lines = [`GET ${request.url} HTTP/1.1`];

		for (let i = 0; i < request.rawHeaders.length; i += 2)
			lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
		inner.write(`${lines.join('\r\n')}\r\n\r\n`);
		inner.write(head);
		client.pipe(inner).pipe(client);
		this.pipes.add(pair);
		for (const end of pair) {
			end.on('error', () => {});
			end.on('close', () => {
				client.destroy();
				inner.destroy();
				this.pipes.delete(pair);
			});
		}
	}

	async close() {
		for (const [client] of this.pipes)
			client.destroy();
		this.server.closeAllConnections();
		this.server.close();
	}
}

/** A server, its door and the first account; ended with the test. */
export async function begin(t, settings) {
	const troupe = await new Troupe(settings).start();
	const door = await new Door(troupe).open();

	t.after(async () => {
		await door.close();
		await troupe.close();
	});
	const reply = await fetch(`${door.url}/api/v1/auth/setup`, {
		method: 'POST',
		headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify({ username: 'ada', password: PASSWORD }),
	});
	const { data } = await reply.json();
	return { troupe, door, token: data.token, session: data.session_id };
}

export async function logIn(door) {
	const reply = await fetch(`${door.url}/api/v1/auth/login`, {
		method: 'POST',
		headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify({ username: 'ada', password: PASSWORD }),
	});
	return (await reply.json()).data;
}

/** What is waited for comes, or the test fails. */
export function within(promise, what = 'it') {
	let timer;
	const late = new Promise((_, no) => {
		timer = setTimeout(() => no(new Error(`${what} did not come`)),
			PATIENCE_MS);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The next value of an emitter's event that fits. */
export function next(live, name, fits = () => true) {
	return within(new Promise((done) => {
		const off = live.on(name, (value) => {
			if (fits(value)) {
				off();
				done(value);
			}
		});
	}), name);
}
