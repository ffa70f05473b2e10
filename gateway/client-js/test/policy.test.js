/** When it comes back, and when it does not: on a clock turned by hand. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { Live, RestError } from '../index.js';
import { GAP, Position, SEEN, TAKE } from '../position.js';
import { PREFIX, plain, retryAfterMs } from '../rest.js';

/* What the server says of itself, printed from its routes. */
function document(name) {
	return JSON.parse(fs.readFileSync(
		new URL(`../../../docs/${name}.json`, import.meta.url)));
}

class Clock {
	now = 0;
	timers = new Map();
	next = 1;
	setTimeout = (fn, ms) => {
		this.timers.set(this.next, { fn, at: this.now + ms });
		return this.next++;
	};
	clearTimeout = (id) => this.timers.delete(id);

	async forward(ms) {
		const end = this.now + ms;

		for (;;) {
			const due = [...this.timers].filter(([, t]) => t.at <= end)
				.sort((a, b) => a[1].at - b[1].at)[0];
			if (due === undefined)
				break;
			this.timers.delete(due[0]);
			this.now = due[1].at;
			due[1].fn();
			await settle();
		}
		this.now = end;
	}
}

async function settle() {
	for (let i = 0; i < 20; i++)
		await null;
}

/** A server in a few lines: the test says what comes. */
function stage(options) {
	const clock = new Clock();
	const sockets = [];
	const waits = [];
	const tickets = [];

	class Socket {
		constructor(url, protocols) {
			Object.assign(this, { url, protocols, sent: [], closed: false });
			sockets.push(this);
		}

		send(text) {
			this.sent.push(JSON.parse(text));
		}

		close() {
			this.closed = true;
		}

		say(frame) {
			this.onmessage({ data: JSON.stringify(frame) });
		}
	}
	const rest = {
		async ticket() {
			const answer = tickets.shift() ?? 'ticket';
			if (answer instanceof Error)
				throw answer;
			return answer;
		},
	};
	const live = new Live({ url: 'https://a.example', WebSocket: Socket,
		token: () => '', rest, timers: clock, random: () => 0.5, ...options });
	live.on('state', (s) => s.state === 'waiting' && waits.push(s.ms));
	return { live, clock, sockets, waits, tickets,
		last: () => sockets[sockets.length - 1] };
}

async function opened(s) {
	const promise = s.live.open();
	await settle();
	s.last().onopen({});
	s.last().say({ action: 'auth_ok' });
	await promise;
	return s.last();
}

const event = (offset, more) => ({ event_type: 'x', channel: 'c',
	timestamp: '', payload: {}, version: 1, event_id: '', epoch: 5, offset,
	...more });

test('it is open after auth_ok, with a ticket in the first message',
	async () => {
		const s = stage();
		const socket = await opened(s);

		const { channels, servers } = document('asyncapi');

		assert.equal(socket.url,
			`wss://a.example${channels.socket.address}`);
		assert.deepEqual(socket.protocols, [servers.events.protocol]);
		assert.ok(document('openapi').paths[`${PREFIX}auth/ws-ticket`].post);
		assert.deepEqual(socket.sent, [{ action: 'auth', ticket: 'ticket' }]);
		assert.equal(s.live.state, 'open');
	});

const ENDS = [[4003, 'forbidden'], [1002, 'protocol'], [1003, 'protocol'],
	[1007, 'protocol'], [1009, 'protocol']];
const RETURNS = [1000, 1001, 1005, 1006, 1008, 1011, 1012, 1013, 4008, 4011];

for (const [code, why] of ENDS)
	test(`${code} ends it: ${why}`, async () => {
		const s = stage();
		const socket = await opened(s);
		const ends = [];

		s.live.on('closed', (end) => ends.push(end));
		socket.onclose({ code, reason: 'a\u0007b' });
		await s.clock.forward(3600000);
		assert.deepEqual(ends, [{ why, code, reason: 'a b' }]);
		assert.equal(s.sockets.length, 1);
		assert.equal(s.clock.timers.size, 0);
	});

for (const code of RETURNS)
	test(`after ${code} it comes back`, async () => {
		const s = stage();
		(await opened(s)).onclose({ code, reason: '' });
		assert.deepEqual(s.waits, [1000]);
		await s.clock.forward(999);
		assert.equal(s.sockets.length, 1);
		await s.clock.forward(1);
		assert.equal(s.sockets.length, 2);
	});

test('after 4001 it asks for one more ticket, and for no third', async () => {
	const s = stage();
	const promise = s.live.open();

	await settle();
	s.last().onclose({ code: 4001, reason: 'Invalid or expired ticket' });
	await s.clock.forward(1000);
	assert.equal(s.sockets.length, 2);
	s.last().onclose({ code: 4001, reason: 'Invalid or expired ticket' });
	await assert.rejects(promise, { why: 'unauthorized', code: 4001 });
	await s.clock.forward(3600000);
	assert.equal(s.sockets.length, 2);
});

test('pauses double up to 30 s, 20 times, then it ends', async () => {
	const s = stage();
	const promise = s.live.open();

	await settle();
	for (let n = 0; n < 20; n++) {
		s.last().onclose({ code: 1006, reason: '' });
		await s.clock.forward(30000);
	}
	assert.deepEqual(s.waits.slice(0, 7),
		[1000, 2000, 4000, 8000, 16000, 30000, 30000]);
	assert.equal(s.waits.length, 20);
	s.last().onclose({ code: 1006, reason: '' });
	await assert.rejects(promise, { why: 'attempts' });
});

for (const [random, ms] of [[0, 800], [0.5, 1000], [0.999999, 1200]])
	test(`jitter: ${random} makes a second ${ms} ms`, async () => {
		const s = stage({ random: () => random });
		(await opened(s)).onclose({ code: 1006, reason: '' });
		assert.deepEqual(s.waits, [ms]);
	});

test('a connection that lasted begins the pauses anew', async () => {
	const s = stage();
	(await opened(s)).onclose({ code: 1006, reason: '' });
	await s.clock.forward(1000);
	s.last().say({ action: 'auth_ok' });
	s.last().onclose({ code: 1006, reason: '' });
	await s.clock.forward(2000);
	s.last().say({ action: 'auth_ok' });
	await s.clock.forward(10000);
	s.last().onclose({ code: 1006, reason: '' });
	assert.deepEqual(s.waits, [1000, 2000, 1000]);
});

const refusal = (status, code, after) =>
	new RestError(status, code, 'no', after);

for (const [error, why] of [
	[refusal(401, 1002), 'revoked'], [refusal(401, 1000), 'unauthorized'],
	[refusal(403, 1001), 'forbidden'], [refusal(404, 3000), 'refused']])
	test(`a ticket refused with ${error.status}/${error.code}: ${why}`,
		async () => {
			const s = stage();
			s.tickets.push(error);
			await assert.rejects(s.live.open(), { why });
			await s.clock.forward(3600000);
			assert.equal(s.sockets.length, 0);
		});

test('Retry-After is the least pause', async () => {
	const s = stage();
	s.tickets.push(refusal(429, 5001, 7000), refusal(503, 8000, 500));
	s.live.open();
	await settle();
	await s.clock.forward(7000);
	assert.deepEqual(s.waits, [7000, 2000]);
	await s.clock.forward(2000);
	assert.equal(s.sockets.length, 1);
});

test('it pings, and silence after that is the end of a connection',
	async () => {
		const s = stage();
		const socket = await opened(s);

		await s.clock.forward(20000);
		assert.deepEqual(socket.sent.slice(1), [{ action: 'ping' }]);
		await s.clock.forward(9999);
		socket.say({ action: 'pong' });
		await s.clock.forward(10001);
		assert.equal(socket.sent.length, 3);
		await s.clock.forward(9999);
		assert.equal(socket.closed, false);
		await s.clock.forward(1);
		assert.equal(socket.closed, true);
		assert.equal(s.live.state, 'waiting');
	});

test('a late word of an old connection is not heard', async () => {
	const s = stage();
	const old = await opened(s);
	const heard = [];

	s.live.on('event', (e) => heard.push(e));
	await s.clock.forward(30000);
	await s.clock.forward(1000);
	old.say(event(1, { channel: 'user:me' }));
	old.onclose({ code: 4003, reason: '' });
	assert.deepEqual(heard, []);
	assert.equal(s.live.state, 'connecting');
});

async function subscribed() {
	const s = stage();
	const heard = [];
	const lost = [];
	const sub = s.live.subscribe('c');
	const socket = await opened(s);

	s.live.on('event', (e) => heard.push(e.offset));
	s.live.on('lost', (l) => lost.push(l));
	assert.deepEqual(socket.sent[1],
		{ action: 'subscribe', channels: ['c'], since: {} });
	socket.say({ action: 'subscribed', channels: ['c'], positions: {
		c: { epoch: 5, offset: 3, recovered: false } } });
	return { ...s, sub, socket, heard, lost };
}

const said = { action: 'subscribed', channels: ['c'], positions: {
	c: { epoch: 5, offset: 9, recovered: true } } };

test('what comes twice is told once', async () => {
	const s = await subscribed();
	for (const offset of [3, 4, 4, 2, 5, 0, 0])
		s.socket.say(event(offset));
	assert.deepEqual(s.heard, [4, 5, 0, 0]);
	assert.equal(s.live.counts.duplicates, 3);
});

test('a gap is asked for before what lies behind it is told', async () => {
	const s = await subscribed();
	s.socket.say(event(4));
	s.socket.say(event(7));
	s.socket.say(event(8));
	assert.deepEqual(s.socket.sent[2], { action: 'subscribe',
		channels: ['c'], since: { c: { epoch: 5, offset: 4 } } });
	s.socket.say(said);
	for (const offset of [5, 6, 7, 8])
		s.socket.say(event(offset));
	assert.deepEqual(s.heard, [4, 5, 6, 7, 8]);
	assert.deepEqual(s.lost, []);
});

test('a gap that stays is told, once', async () => {
	const s = await subscribed();
	s.socket.say(event(7));
	s.socket.say(said);
	s.socket.say(event(7));
	s.socket.say(event(8));
	assert.deepEqual(s.heard, [7, 8]);
	assert.deepEqual(s.lost, [{ channel: 'c', from: { epoch: 5, offset: 3 },
		to: { epoch: 5, offset: 7 }, why: 'gap' }]);
});

test('lost moves the place', async () => {
	const s = await subscribed();
	s.socket.say({ action: 'lost', channel: 'c', epoch: 6, offset: 10 });
	s.socket.say(event(11, { epoch: 6 }));
	assert.deepEqual(s.heard, [11]);
	assert.equal(s.lost[0].why, 'history');
});

for (const [what, frame] of [
	['no JSON', '{'], ['binary', new ArrayBuffer(2)], ['too long',
		JSON.stringify(event(4, { payload: { x: 'x'.repeat(70000) } }))],
	['a number', '7'],
	['another version', JSON.stringify(event(4, { version: 2 }))],
	['no payload', JSON.stringify(event(4, { payload: null }))],
	['half an offset', JSON.stringify(event(4.5))],
	['an unknown action', '{"action":"dance"}']])
	test(`discarded, and counted: ${what}`, async () => {
		const s = await subscribed();
		const errors = [];

		s.live.on('error', (e) => errors.push(e));
		s.socket.onmessage({ data: frame });
		assert.equal(s.live.counts.discarded, 1);
		assert.equal(errors.length, 1);
		assert.deepEqual(s.heard, []);
		assert.equal(s.live.state, 'open');
	});

test('dropped is told', async () => {
	const s = await subscribed();
	const told = [];
	s.live.on('dropped', (d) => told.push(d));
	s.socket.say({ action: 'dropped', count: 3 });
	assert.deepEqual(told, [{ count: 3 }]);
});

test('what is given up is neither told nor asked for again', async () => {
	const s = await subscribed();
	s.sub.close();
	assert.deepEqual(s.socket.sent[2],
		{ action: 'unsubscribe', channels: ['c'] });
	s.socket.say(event(4));
	s.socket.say({ action: 'unsubscribed', channels: [] });
	s.socket.onclose({ code: 1001, reason: '' });
	await s.clock.forward(1000);
	s.last().onopen({});
	s.last().say({ action: 'auth_ok' });
	assert.equal(s.last().sent.length, 1);
	assert.deepEqual(s.heard, []);
});

test('a place judges', () => {
	const at = { epoch: 5, offset: 3 };
	const judge = (e, filtered = false, from = at) =>
		new Position(from).judge(e, filtered);

	assert.equal(judge({ epoch: 5, offset: 4 }), TAKE);
	assert.equal(judge({ epoch: 5, offset: 3 }), SEEN);
	assert.equal(judge({ epoch: 5, offset: 5 }), GAP);
	assert.equal(judge({ epoch: 5, offset: 5 }, true), TAKE);
	assert.equal(judge({ epoch: 6, offset: 4 }), GAP);
	assert.equal(judge({ epoch: 0, offset: 0 }), TAKE);
	assert.equal(judge({ epoch: 6, offset: 1 }, false,
		{ epoch: 0, offset: 0 }), TAKE);
	assert.equal(judge({ epoch: 6, offset: 2 }, false,
		{ epoch: 0, offset: 0 }), GAP);
	assert.equal(judge({ epoch: 6, offset: 1 }, false,
		{ epoch: 5, offset: 0 }), TAKE);
	assert.equal(judge({ epoch: 6, offset: 2 }, false,
		{ epoch: 5, offset: 0 }), GAP);
	assert.equal(judge({ epoch: 6, offset: 9 }, false, null), TAKE);
});

test('Retry-After is seconds or a date', () => {
	assert.equal(retryAfterMs('7', 0), 7000);
	assert.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:05 GMT', 2000), 3000);
	assert.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:05 GMT', 9000), 0);
	assert.equal(retryAfterMs(null, 0), 0);
	assert.equal(retryAfterMs('soon', 0), 0);
});

test('what the server says is made plain', () => {
	assert.equal(plain('a\u001b[2Jb\nc'), 'a [2Jb c');
	assert.equal(plain('x'.repeat(1000)).length, 300);
});
