/** The client against a real Troupe, which is killed and comes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import WS from 'ws';

import { Live, Rest } from '../index.js';
import { begin, logIn, next, within } from './troupe.js';

const WebSocket = globalThis.WebSocket ?? WS;
const QUICK = { backoffMs: 20, backoffMaxMs: 200, attempts: 1000 };

function follow(t, { door, token }, options) {
	const live = new Live({ url: door.url, token: () => token, WebSocket,
		...QUICK, ...options });

	t.after(() => live.close());
	return live;
}

function publisher({ door, token }) {
	const rest = new Rest({ url: door.url, token: () => token });
	const wait = () => new Promise((done) => setTimeout(done, 20));

	return (channel, n) => rest.publish(channel,
		{ event_type: 'count.said', payload: { n } },
		{ attempts: 1000, wait });
}

/** Collects numbers; `until(count)` resolves when there are so many. */
class Heard {
	constructor(live) {
		this.all = [];
		this.waits = [];
		live.on('event', (event) => {
			this.all.push(event.payload.n);
			for (const { count, done } of this.waits)
				if (this.all.length >= count)
					done();
		});
	}

	until(count) {
		return within(new Promise((done) => {
			this.waits.push({ count, done });
			if (this.all.length >= count)
				done();
		}), `event ${count}`);
	}
}

const upTo = (n) => Array.from({ length: n }, (_, i) => i);

test('connects, subscribes, and hears what is told', async (t) => {
	const it = await begin(t);
	const live = follow(t, it);
	const heard = new Heard(live);
	const sub = live.subscribe('agents');

	await live.open();
	assert.equal((await sub.ready).resumed, false);
	await publisher(it)('agents', 0);
	await heard.until(1);
	assert.deepEqual(heard.all, [0]);
	assert.equal(sub.position.offset, 1);
	assert.deepEqual(live.positions(), { agents: sub.position });
});

test('each event comes once though the server is killed again and again',
	async (t) => {
		const it = await begin(t);
		const live = follow(t, it);
		const heard = new Heard(live);
		const losses = [];
		const say = publisher(it);
		const sub = live.subscribe('agents');

		live.on('lost', (loss) => losses.push(loss));
		await live.open();
		await sub.ready;
		const told = (async () => {
			for (const n of upTo(200))
				await say('agents', n);
		})();
		for (const count of [20, 60, 100, 140]) {
			await heard.until(count);
			await it.troupe.kill();
			await it.troupe.start();
		}
		await within(told, 'what was told');
		await heard.until(200);
		assert.deepEqual(heard.all, upTo(200));
		assert.equal(sub.position.offset, 200);
		assert.deepEqual(losses, []);
		assert.equal(live.counts.connections, 5);
	});

test('goes on where another left off', async (t) => {
	const it = await begin(t);
	const say = publisher(it);
	const first = follow(t, it);
	const heard = new Heard(first);
	const sub = first.subscribe('agents');

	await first.open();
	await sub.ready;
	await say('agents', 0);
	await heard.until(1);
	first.close();
	await say('agents', 1);
	await say('agents', 2);

	const second = follow(t, it);
	const later = new Heard(second);
	const again = second.subscribe('agents', { since: sub.position });
	await second.open();
	assert.equal((await again.ready).recovered, true);
	await later.until(2);
	assert.deepEqual(later.all, [1, 2]);
});

test('says so when the history is not there', async (t) => {
	const it = await begin(t);
	const live = follow(t, it);
	const lost = next(live, 'lost');
	const from = { epoch: 7, offset: 3 };
	const sub = live.subscribe('agents', { since: from });

	await publisher(it)('agents', 0);
	await live.open();
	const loss = await lost;
	assert.deepEqual(loss.from, from);
	assert.equal(loss.to.offset, 1);
	assert.equal(loss.why, 'history');
	assert.equal((await sub.ready).recovered, false);
});

test('a channel that may not be heard is denied', async (t) => {
	const it = await begin(t);
	const live = follow(t, it);
	const denied = next(live, 'denied');
	const good = live.subscribe('agents');
	const sub = live.subscribe('user:somebody');

	await live.open();
	assert.deepEqual(await denied, { channel: 'user:somebody' });
	await assert.rejects(sub.ready, /may not be heard/);
	await good.ready;
});

test('filters choose, and a skipped number is no gap', async (t) => {
	const it = await begin(t);
	const rest = new Rest({ url: it.door.url, token: () => it.token });
	const live = follow(t, it);
	const heard = new Heard(live);
	const sub = live.subscribe('agents', { filters: { side: 'b' } });

	await live.open();
	await sub.ready;
	for (const [n, side] of [[0, 'a'], [1, 'b'], [2, 'a'], [3, 'b']])
		await rest.publish('agents',
			{ event_type: 'x.said', payload: { n, side } });
	await heard.until(2);
	assert.deepEqual(heard.all, [1, 3]);
	assert.equal(live.counts.gaps, 0);
});

test('many channels go in as many requests as they need', async (t) => {
	const it = await begin(t);
	const live = follow(t, it);
	const subs = upTo(40)
		.map((i) => live.subscribe(`project:${'long'.repeat(15)}-${i}`));

	await live.open();
	await Promise.all(subs.map((sub) => within(sub.ready)));
	const back = next(live, 'state', ({ state }) => state === 'open');
	const again = subs.map((sub) => next(live, 'subscribed',
		({ channel }) => channel === sub.channel));
	await it.troupe.kill();
	await it.troupe.start();
	await back;
	await Promise.all(again);
});

test('a revoked session ends it, and nothing is tried again', async (t) => {
	const it = await begin(t);
	const other = await logIn(it.door);
	const live = follow(t, { door: it.door, token: other.token });
	const ended = next(live, 'closed');
	const rest = new Rest({ url: it.door.url, token: () => it.token });

	await live.open();
	await rest.request('DELETE', `auth/sessions/${other.session_id}`);
	const { why, code } = await ended;
	assert.deepEqual([why, code], ['forbidden', 4003]);
	assert.equal(live.state, 'closed');
	await assert.rejects(live.open(), { why: 'revoked' });
});

test('a refused token is renewed once', async (t) => {
	const it = await begin(t);
	const asks = [];
	const live = follow(t, it, {
		token: ({ renew }) => {
			asks.push(renew);
			return renew ? it.token : 'old';
		},
	});

	await live.open();
	assert.deepEqual(asks, [false, true]);
	live.close();
	const hopeless = follow(t, it, { token: () => 'bad' });
	await assert.rejects(hopeless.open(), { why: 'unauthorized' });
});

test('too many sockets: it waits, and comes in when there is room',
	async (t) => {
		const it = await begin(t, { 'api.ws_max_connections_per_user': 1 });
		const first = follow(t, it);
		await first.open();
		const second = follow(t, it);
		const waiting = next(second, 'state', ({ code }) => code === 4008);
		const opened = second.open();
		await waiting;
		first.close();
		await within(opened);
	});

test('too many tickets: it waits as long as the server says', async (t) => {
	const it = await begin(t);
	const rest = new Rest({ url: it.door.url, token: () => it.token });
	for (let i = 0; i < 5; i++)
		await rest.ticket();
	const live = follow(t, it);
	const waiting = next(live, 'state', ({ state }) => state === 'waiting');

	live.open();
	assert.equal((await waiting).ms, 30000);
});

test('a connection that hangs is given up, and nothing is missed',
	async (t) => {
		const it = await begin(t);
		const live = follow(t, it, { heartbeatMs: 50, answerMs: 100 });
		const heard = new Heard(live);
		const say = publisher(it);
		const sub = live.subscribe('agents');

		await live.open();
		await sub.ready;
		await say('agents', 0);
		await heard.until(1);
		it.door.stall();
		await say('agents', 1);
		await heard.until(2);
		assert.deepEqual(heard.all, [0, 1]);
		assert.ok(live.counts.connections >= 2);
	});

test('a write with a key happens once', async (t) => {
	const it = await begin(t);
	const rest = new Rest({ url: it.door.url, token: () => it.token });
	const event = { event_type: 'x.said', payload: {} };
	const one = await rest.publish('agents', event, { key: 'k' });
	const two = await rest.publish('agents', event, { key: ' k ' });
	const three = await rest.publish('agents', event, { key: ' ' });

	assert.equal(two.event_id, one.event_id);
	assert.equal(two.duplicate, true);
	assert.notEqual(three.event_id, one.event_id);
});
