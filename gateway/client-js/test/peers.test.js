/**
 * What others' WebSockets make of ours: npm's ws, and Chromium's own, which
 * always offers to compress.  Without the client of this folder.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';

import WS from 'ws';

import { Rest } from '../index.js';
import { browse, told } from './browser.js';
import { begin, within } from './troupe.js';

const ASK = '{"action":"ping"}';
const PAYLOADS = ['x', 'xyz'.repeat(100), 'x'.repeat(30000), '한국 𝄞'];
const TIGHT = { 'api.ws_deflate': true };

/** What has come, in order; `next` waits for one more. */
class Ear {
	constructor(live) {
		this.live = live;
		this.heard = [];
		this.done = () => {};
		for (const name of ['message', 'pong'])
			live.on(name, (data, binary) => {
				this.heard.push({ name, text: String(data), data, binary });
				this.done();
			});
		this.end = new Promise((done) => {
			live.on('close', (code, reason) => {
				done({ code, reason: String(reason) });
			});
		});
		live.on('error', () => {});
	}

	async next(what) {
		await within(new Promise((done) => {
			this.done = () => this.heard.length > 0 && done();
			this.done();
		}), what);
		return this.heard.shift();
	}

	async says(text) {
		assert.equal((await this.next(text)).text, text);
	}
}

async function enter(it, options) {
	const rest = new Rest({ url: it.door.url, token: () => it.token });
	const { ticket } = await rest.request('POST', 'auth/ws-ticket');
	const live = new WS(`${it.door.url.replace('http', 'ws')}/api/v1/ws`,
		options);
	const ear = new Ear(live);

	await within(new Promise((done) => live.on('open', done)), 'the upgrade');
	live.send(JSON.stringify({ action: 'auth', ticket }));
	await ear.says('{"action":"auth_ok"}');
	return { live, ear, rest };
}

const OFFERS = [false, {}, { serverMaxWindowBits: 9 },
	{ serverMaxWindowBits: 15, clientMaxWindowBits: 9 },
	{ serverNoContextTakeover: true, clientNoContextTakeover: true }];

for (const settings of [{}, TIGHT]) {
	for (const offer of OFFERS) {
		test(`ws with ${JSON.stringify(offer)} of ${
			JSON.stringify(settings)}`, async (t) => {
			const it = await begin(t, settings);
			const perMessageDeflate = offer && { threshold: 0, ...offer };
			const { live, ear, rest } = await enter(it,
				{ perMessageDeflate });
			const both = settings === TIGHT && offer !== false;

			assert.equal(live.extensions,
				both ? 'permessage-deflate' : '');
			for (let i = 0; i < ASK.length; i++)
				live.send(ASK[i], { fin: i === ASK.length - 1 });
			await ear.says('{"action":"pong"}');
			const salt = randomBytes(125);
			live.ping(salt);
			assert.deepEqual((await ear.next('pong')).data, salt);
			live.send('{"action":"subscribe","channels":["agents"]}');
			assert.match((await ear.next('ack')).text, /"agents"/);
			for (const k of PAYLOADS)
				await rest.publish('agents',
					{ event_type: 'it.grew', payload: { k } });
			for (const k of PAYLOADS)
				assert.equal(
					JSON.parse((await ear.next('event')).text).payload.k, k);
			live.send(ASK + ' '.repeat(5000));
			await ear.says('{"error":"Message too large"}');
			live.close(4321, 'bye');
			assert.equal((await within(ear.end, 'close')).code, 4321);
		});
	}
}

test('ws is told why: binary, no text, bad first message', async (t) => {
	const it = await begin(t);
	const ends = [
		[(live) => live.send(Buffer.from('x')), 1003],
		[(live) => live.send(Buffer.from([0xff]), { binary: false }), 1007],
		[(live) => live.send(ASK, { mask: false }), 1002],
		[(live) => live.close(), 1005],
		[(live) => live.close(1000, 'done'), 1000],
	];

	for (const [act, code] of ends) {
		const { live, ear } = await enter(it);
		act(live);
		assert.equal((await within(ear.end, code)).code, code);
	}
	const live = new WS(`${it.door.url.replace('http', 'ws')}/api/v1/ws`);
	const ear = new Ear(live);
	live.on('open', () => live.send(ASK));
	assert.deepEqual(await within(ear.end, 'the end'),
		{ code: 4001, reason: 'Expected auth action' });
});

for (const settings of [{}, TIGHT])
	test(`Chromium's own WebSocket with ${JSON.stringify(settings)}`,
		async (t) => {
			const it = await begin(t, settings);
			const { door } = it;

			await browse(t, `${door.url}/files/test/peer.html#${it.token}`);
			await told(door, (all) => all.some((r) => r.over), 'the end');
			const broken = door.reports.filter((r) => r.broken);
			assert.deepEqual(broken, []);
			const [open] = door.reports;
			assert.equal(open.extensions.split(';')[0],
				settings === TIGHT ? 'permessage-deflate' : '');
			assert.deepEqual(door.reports.slice(1), [
				{ said: { action: 'auth_ok' } },
				{ said: { action: 'pong' } },
				{ said: { error: 'Message too large' } },
				{ heard: [1, 300, 30000, 5] },
				{ ends: [1000, 1003, 4001, 4321] },
				{ over: true },
			]);
		});
