/**
 * A live socket that comes back.
 *
 * Each connection gets a ticket of its own, and counts as open only after
 * auth_ok.  Every channel's place (epoch, offset) is kept here; after a
 * reconnect each is subscribed again `since` its place, so that what was
 * missed comes first and nothing comes twice.  When the server has that
 * history no more, `lost` says so.
 *
 * One request is under way at a time, so an answer is always that of the
 * oldest request.
 */
import { GAP, Position, SEEN } from './position.js';
import { PREFIX, Rest, RestError, plain } from './rest.js';

const SUBPROTOCOL = 'troupe.json.v1';
const EVENT_VERSION = 1;
const RECEIVE_MAX = 65536; /* characters of a frame */
const SEND_MAX = 3500; /* of a request; the server takes 4096 bytes */
const OWN = 'user:'; /* a socket hears its own channel unasked */
const ABNORMAL = 1006; /* ended without a close frame */

const DEFAULTS = {
	backoffMs: 1000,
	backoffMaxMs: 30000,
	jitter: 0.2,
	attempts: 20, /* in a row without a connection that lasted */
	stableMs: 10000, /* that long it has to last */
	connectMs: 15000,
	heartbeatMs: 20000,
	answerMs: 10000,
};

/*
 * What a close code asks for.  4001 is of the ticket, not of the user: whoever
 * got it just before a crash of the server has to ask for another, once.
 */
const AGAIN = 'again';
const TICKET = 'ticket';
const END = { 1002: 'protocol', 1003: 'protocol', 1007: 'protocol',
	1009: 'protocol', 1010: 'protocol', 4003: 'forbidden' };

function closeMeans(code) {
	if (code === 4001)
		return TICKET;
	return END[code] ?? AGAIN;
}

function restMeans(error) {
	if (!(error instanceof RestError) || error.passing)
		return AGAIN;
	if (error.revoked)
		return 'revoked';
	if (error.status === 401)
		return 'unauthorized';
	return error.status === 403 ? 'forbidden' : 'refused';
}

function isPlace(at) {
	return at !== null && typeof at === 'object' &&
		Number.isSafeInteger(at.epoch) && Number.isSafeInteger(at.offset);
}

function isEvent(frame) {
	return typeof frame.event_type === 'string' &&
		typeof frame.channel === 'string' &&
		frame.version === EVENT_VERSION && isPlace(frame) &&
		frame.payload !== null && typeof frame.payload === 'object';
}

/** What `subscribe` returns. */
class Subscription {
	#live;

	constructor(live, channel, { filters, since, onEvent } = {}) {
		if (since !== undefined && !isPlace(since))
			throw new TypeError('since: {epoch, offset} is wanted');
		this.#live = live;
		this.channel = channel;
		this.filters = filters;
		this.onEvent = onEvent;
		this.place = new Position(since ?? null);
		this.stage = 'new'; /* then asked, then on */
		this.ready = new Promise((yes, no) => {
			this.settle = yes;
			this.fail = no;
		});
		this.ready.catch(() => {});
	}

	/** Keep it with what you made of the event; give it back as `since`. */
	get position() {
		return this.place.at;
	}

	get filtered() {
		return this.filters !== undefined;
	}

	close() {
		this.#live.unsubscribe(this.channel);
	}
}

export class Live {
	#options;
	#rest;
	#Socket;
	#timers;
	#random;
	#handlers = new Map();
	#subs = new Map();
	#left = new Set(); /* own channels that were given up */
	#leaving = []; /* channels to be unsubscribed */
	#pending = null; /* the request under way */
	#socket = null;
	#life = 0; /* tells a connection's late news from this one's */
	#attempt = 0;
	#tickets = 0; /* refused in a row */
	#opened = null; /* { promise, yes, no } of open() */
	#clocks = {}; /* timers by name */

	constructor(options) {
		this.#options = { ...DEFAULTS, ...options };
		this.#rest = options.rest ?? new Rest(options);
		this.#Socket = options.WebSocket ?? globalThis.WebSocket;
		this.#timers = options.timers ?? globalThis;
		this.#random = options.random ?? Math.random;
		if (this.#Socket === undefined)
			throw new TypeError('WebSocket: give a constructor, there is none');
		this.state = 'idle';
		this.counts = { events: 0, duplicates: 0, gaps: 0, discarded: 0,
			connections: 0 };
	}

	get rest() {
		return this.#rest;
	}

	/** Calls back at each; returns what takes the handler away. */
	on(name, handler) {
		if (!this.#handlers.has(name))
			this.#handlers.set(name, new Set());
		this.#handlers.get(name).add(handler);
		return () => this.#handlers.get(name).delete(handler);
	}

	/** Resolves when first open; rejects if it ends before that. */
	open() {
		if (this.state === 'idle' || this.state === 'closed') {
			this.#opened = {};
			this.#opened.promise = new Promise((yes, no) => {
				Object.assign(this.#opened, { yes, no });
			});
			this.#opened.promise.catch(() => {});
			this.#attempt = 0;
			this.#tickets = 0;
			this.#connect();
		}
		return this.#opened.promise;
	}

	/** Ends it; open() begins again, where each channel stood. */
	close() {
		if (this.state !== 'idle' && this.state !== 'closed')
			this.#end('closed', 1000, '');
	}

	/** Waits no longer: the network is back, say. */
	retryNow() {
		if (this.state === 'waiting')
			this.#connect();
	}

	subscribe(channel, options) {
		if (this.#subs.has(channel))
			throw new Error(`${channel}: is subscribed already`);
		const sub = new Subscription(this, channel, options);
		if (JSON.stringify([channel, options?.filters]).length > SEND_MAX - 256)
			throw new RangeError('the subscription is too long to be sent');
		this.#subs.set(channel, sub);
		this.#left.delete(channel);
		queueMicrotask(() => this.#pump());
		return sub;
	}

	unsubscribe(channel) {
		const sub = this.#subs.get(channel);

		if (sub === undefined)
			return;
		this.#subs.delete(channel);
		sub.fail(new Error(`${channel}: unsubscribed`));
		if (channel.startsWith(OWN))
			this.#left.add(channel);
		if (sub.stage !== 'new' && this.state === 'open')
			this.#leaving.push(channel);
		this.#pump();
	}

	/** Where each channel stands, by name. */
	positions() {
		const all = {};

		for (const [name, sub] of this.#subs)
			if (sub.position !== null)
				all[name] = sub.position;
		return all;
	}

	/* ---- connections ---- */

	async #connect() {
		const life = this.#begin();
		let ticket;

		try {
			ticket = await this.#rest.ticket();
		} catch (error) {
			if (life === this.#life)
				this.#onRefused(error);
			return;
		}
		if (life === this.#life)
			this.#dial(life, ticket);
	}

	#begin() {
		this.#stopClocks();
		this.#become('connecting');
		return ++this.#life;
	}

	#dial(life, ticket) {
		const url = new URL(PREFIX + 'ws', this.#options.url);
		const mine = (fn) => (e) => life === this.#life && fn(e);

		url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
		const socket = new this.#Socket(url.href, [SUBPROTOCOL]);
		this.#socket = socket;
		socket.onopen = mine(() => this.#send({ action: 'auth', ticket }));
		socket.onmessage = mine((e) => this.#onMessage(e.data));
		socket.onclose = mine((e) => this.#onClose(e.code, e.reason));
		socket.onerror = () => {}; /* a close follows */
		this.#clock('connect', this.#options.connectMs,
			() => this.#lose('no connection in time'));
	}

	#send(frame) {
		this.#socket.send(JSON.stringify(frame));
	}

	/** Gives a connection up that says nothing. */
	#lose(reason) {
		this.#hangUp();
		this.#onClose(ABNORMAL, reason);
	}

	/* Its close handshake may take for ever: nobody waits for it. */
	#hangUp() {
		const socket = this.#socket;

		this.#life++;
		this.#socket = null;
		if (socket !== null)
			socket.close();
	}

	#onRefused(error) {
		const means = restMeans(error);

		if (means !== AGAIN) {
			this.#end(means, 0, error.message);
			return;
		}
		this.#emit('error', error);
		this.#again(error.retryAfterMs ?? 0, ABNORMAL, error.message);
	}

	#onClose(code, reason) {
		let means = closeMeans(code);

		this.#socket = null;
		if (means === TICKET)
			means = this.state === 'connecting' && this.#tickets++ === 0
				? AGAIN : 'unauthorized';
		if (means === AGAIN)
			this.#again(0, code, reason);
		else
			this.#end(means, code, reason);
	}

	#again(leastMs, code, reason) {
		const { backoffMs, backoffMaxMs, jitter, attempts } = this.#options;
		const plainMs = Math.min(backoffMaxMs, backoffMs * 2 ** this.#attempt);
		const spread = 1 + jitter * (2 * this.#random() - 1);

		this.#reset();
		if (++this.#attempt > attempts) {
			this.#end('attempts', code, reason);
			return;
		}
		const ms = Math.max(leastMs, Math.round(plainMs * spread));
		this.#life++;
		this.#stopClocks();
		this.#become('waiting', { ms, code, reason: plain(reason) });
		if (this.state === 'waiting')
			this.#clock('retry', ms, () => this.#connect());
	}

	#end(why, code, reason) {
		const end = { why, code, reason: plain(reason) };
		const opened = this.#opened;

		this.#hangUp();
		this.#reset();
		this.#stopClocks();
		this.#become('closed', end);
		this.#emit('closed', end);
		opened.no(Object.assign(new Error(`${why}: ${end.reason}`), end));
	}

	/* Nothing of the old connection is asked for any more. */
	#reset() {
		this.#pending = null;
		this.#leaving = [];
		for (const sub of this.#subs.values())
			sub.stage = 'new';
	}

	#become(state, more) {
		this.state = state;
		this.#emit('state', { state, ...more });
	}

	/* ---- what the server says ---- */

	#onMessage(data) {
		let frame = null;

		this.#stop('answer');
		if (typeof data === 'string' && data.length <= RECEIVE_MAX) {
			try {
				frame = JSON.parse(data);
			} catch {
				/* told below */
			}
		}
		if (frame === null || typeof frame !== 'object')
			this.#discard('a frame that is none of ours');
		else if ('event_type' in frame)
			this.#onEvent(frame);
		else if ('error' in frame)
			this.#onError(frame.error);
		else
			this.#onAction(frame);
	}

	#discard(what) {
		this.counts.discarded++;
		this.#emit('error', new Error(`discarded: ${what}`));
	}

	#onAction(frame) {
		switch (frame.action) {
		case 'auth_ok':
			this.#onOpen();
			break;
		case 'subscribed':
			this.#onSubscribed(frame.positions ?? {});
			break;
		case 'unsubscribed':
			this.#pending = null;
			this.#pump();
			break;
		case 'lost':
			this.#onLost(frame);
			break;
		case 'dropped':
			this.#emit('dropped', { count: frame.count });
			break;
		case 'pong':
			break;
		default:
			this.#discard(`action ${plain(frame.action)}`);
		}
	}

	#onOpen() {
		const { stableMs } = this.#options;

		this.#stop('connect');
		this.#tickets = 0;
		this.counts.connections++;
		this.#clock('stable', stableMs, () => { this.#attempt = 0; });
		this.#beat();
		this.#become('open');
		this.#opened.yes();
		this.#pump();
	}

	#beat() {
		const { heartbeatMs, answerMs } = this.#options;

		this.#clock('beat', heartbeatMs, () => {
			this.#send({ action: 'ping' });
			if (this.#clocks.answer === undefined)
				this.#clock('answer', answerMs,
					() => this.#lose('silence'));
			this.#beat();
		});
	}

	/* ---- subscriptions ---- */

	/** Sends the next request, if none is under way. */
	#pump() {
		if (this.state !== 'open' || this.#pending !== null)
			return;
		if (this.#leaving.length > 0) {
			const channels = [this.#leaving.shift()];
			this.#pending = [];
			this.#send({ action: 'unsubscribe', channels });
			return;
		}
		const subs = this.#batch();
		if (subs.length === 0)
			return;
		this.#pending = subs;
		for (const sub of subs) {
			sub.stage = 'asked';
			sub.from = sub.position;
		}
		this.#send(subscribeFrame(subs));
	}

	/* Those that wait, with the same filters, as many as a frame holds. */
	#batch() {
		const subs = [];
		let filters;

		for (const sub of this.#subs.values()) {
			if (sub.stage !== 'new')
				continue;
			const wanted = JSON.stringify(sub.filters);
			if (subs.length > 0 && wanted !== filters)
				continue;
			filters = wanted;
			subs.push(sub);
			if (sizeOf(subscribeFrame(subs)) > SEND_MAX && subs.length > 1) {
				subs.pop();
				break;
			}
		}
		return subs;
	}

	#onSubscribed(positions) {
		const asked = this.#pending ?? [];

		this.#pending = null;
		for (const sub of asked)
			if (this.#subs.get(sub.channel) === sub)
				this.#settle(sub, positions[sub.channel]);
		this.#pump();
	}

	#settle(sub, at) {
		if (!isPlace(at)) {
			this.#subs.delete(sub.channel);
			this.#emit('denied', { channel: sub.channel });
			sub.fail(new Error(`${sub.channel}: may not be heard`));
			return;
		}
		const { from } = sub;
		sub.stage = 'on';
		if (!at.recovered)
			sub.place.move(at);
		if (!at.recovered && from !== null)
			this.#emit('lost', { channel: sub.channel, from,
				to: sub.position, why: 'history' });
		const told = { channel: sub.channel, recovered: at.recovered,
			resumed: from !== null, position: sub.position };
		sub.settle(told);
		this.#emit('subscribed', told);
	}

	#onError(text) {
		const asked = this.#pending ?? [];
		const error = new Error(`refused: ${plain(text)}`);

		this.#pending = null;
		for (const sub of asked) {
			if (this.#subs.get(sub.channel) === sub)
				this.#subs.delete(sub.channel);
			sub.fail(error);
		}
		this.#emit('error', error);
		this.#pump();
	}

	/* ---- events ---- */

	#onEvent(event) {
		if (!isEvent(event)) {
			this.#discard('an event of another shape or version');
			return;
		}
		const sub = this.#subs.get(event.channel);
		if (sub !== undefined)
			this.#judge(sub, event);
		else if (event.channel.startsWith(OWN) &&
			!this.#left.has(event.channel))
			this.#tell(event);
	}

	#judge(sub, event) {
		const means = sub.place.judge(event, sub.filtered);

		if (means === SEEN) {
			this.counts.duplicates++;
			return;
		}
		if (means === GAP && !this.#mayPass(sub, event))
			return;
		const from = sub.position;
		sub.place.take(event);
		if (means === GAP)
			this.#emit('lost', { channel: sub.channel, from,
				to: sub.position, why: 'gap' });
		this.#tell(event, sub);
	}

	/*
	 * Asks for what lies before this event; the event comes again after it.
	 * True: that has been tried, and there is nothing.
	 */
	#mayPass(sub, event) {
		if (sub.stage !== 'on')
			return false;
		this.counts.gaps++;
		if (!sub.place.ask(event))
			return true;
		sub.stage = 'new';
		this.#pump();
		return false;
	}

	#tell(event, sub) {
		this.counts.events++;
		if (sub?.onEvent !== undefined)
			this.#call(sub.onEvent, event);
		this.#emit('event', event);
	}

	#onLost(frame) {
		const sub = this.#subs.get(frame.channel);

		if (sub === undefined || !isPlace(frame))
			return;
		const from = sub.position;
		sub.place.move(frame);
		this.#emit('lost', { channel: sub.channel, from, to: sub.position,
			why: 'history' });
	}

	/* ---- handlers and timers ---- */

	#emit(name, value) {
		for (const handler of this.#handlers.get(name) ?? [])
			this.#call(handler, value);
	}

	/* A handler that throws harms nobody else, and is not hushed up. */
	#call(handler, value) {
		try {
			handler(value);
		} catch (error) {
			globalThis.setTimeout(() => { throw error; }, 0);
		}
	}

	#clock(name, ms, fn) {
		this.#stop(name);
		this.#clocks[name] = this.#timers.setTimeout(() => {
			delete this.#clocks[name];
			fn();
		}, ms);
	}

	#stop(name) {
		if (this.#clocks[name] !== undefined)
			this.#timers.clearTimeout(this.#clocks[name]);
		delete this.#clocks[name];
	}

	#stopClocks() {
		for (const name of Object.keys(this.#clocks))
			this.#stop(name);
	}
}

function subscribeFrame(subs) {
	const since = {};

	for (const sub of subs)
		if (sub.position !== null)
			since[sub.channel] = sub.position;
	return { action: 'subscribe', channels: subs.map((s) => s.channel),
		since, filters: subs[0].filters };
}

function sizeOf(frame) {
	return new TextEncoder().encode(JSON.stringify(frame)).length;
}
