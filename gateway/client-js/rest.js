/**
 * REST with a token: tickets, and writes that have their effect once.
 */

/** Under which the server has everything. */
export const PREFIX = '/api/v1/';
const TIMEOUT_MS = 15000;
const TEXT_MAX = 300;
const CODE_REVOKED = 1002;
/* Answers that promise nothing and may be asked for again. */
const PASSING = new Set([429, 502, 503, 504]);

/** Untrusted text, fit for a log or a screen. */
export function plain(text) {
	return String(text)
		.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ')
		.slice(0, TEXT_MAX);
}

/** A whole number of seconds or a date, in milliseconds; 0: none. */
export function retryAfterMs(text, nowMs) {
	if (text === null || text === undefined || text === '')
		return 0;
	if (/^\d+$/.test(text))
		return Number(text) * 1000;
	const at = Date.parse(text);
	return Number.isNaN(at) ? 0 : Math.max(0, at - nowMs);
}

/** An answer that is a refusal; status 0: there was no answer. */
export class RestError extends Error {
	constructor(status, code, message, retryAfter = 0) {
		super(plain(message));
		this.name = 'RestError';
		this.status = status;
		this.code = code;
		this.retryAfterMs = retryAfter;
	}

	/** The session was ended: only a new log-in helps. */
	get revoked() {
		return this.status === 401 && this.code === CODE_REVOKED;
	}

	/** Asking again later may help. */
	get passing() {
		return this.status === 0 || PASSING.has(this.status);
	}
}

async function read(reply, nowMs) {
	let body = null;

	try {
		body = await reply.json();
	} catch {
		/* 204, or a proxy that speaks HTML */
	}
	if (reply.ok)
		return body === null ? null : body.data;
	const detail = (body && body.error_detail) || {};
	throw new RestError(reply.status, detail.error_code ?? null,
		(body && body.error) || `HTTP ${reply.status}`,
		retryAfterMs(reply.headers.get('Retry-After'), nowMs));
}

export class Rest {
	constructor({ url, token, fetch: fetcher, now = Date.now }) {
		if (typeof token !== 'function')
			throw new TypeError('token: a function is wanted');
		this.url = new URL(url);
		this.token = token;
		this.fetch = fetcher ?? globalThis.fetch.bind(globalThis);
		this.now = now;
	}

	/** One exchange.  An old token is renewed and tried again, once. */
	async request(method, path, body, headers = {}) {
		try {
			return await this.#once(method, path, body, headers, false);
		} catch (error) {
			if (error.status !== 401 || error.revoked)
				throw error;
		}
		return this.#once(method, path, body, headers, true);
	}

	async #once(method, path, body, headers, renew) {
		const token = await this.token({ renew });
		const sent = { ...headers, Authorization: `Bearer ${token}` };
		const halt = new AbortController();
		const timer = setTimeout(() => halt.abort(), TIMEOUT_MS);

		if (body !== undefined)
			sent['Content-Type'] = 'application/json';
		try {
			const reply = await this.fetch(new URL(PREFIX + path, this.url), {
				method,
				headers: sent,
				body: body === undefined ? undefined : JSON.stringify(body),
				signal: halt.signal,
			});
			return await read(reply, this.now());
		} catch (error) {
			if (error instanceof RestError)
				throw error;
			throw new RestError(0, null, `no answer: ${error.message}`);
		} finally {
			clearTimeout(timer);
		}
	}

	/**
	 * A write with an Idempotency-Key: the caller's, or a new one a call.
	 * What passes is repeated with the same key, so it happens once.
	 */
	async write(path, body, { key, attempts = 5, wait = pause } = {}) {
		const given = (key ?? '').trim();
		const headers = {
			'Idempotency-Key': given === '' ? uuid() : given,
		};

		for (let n = 1; ; n++) {
			try {
				return await this.request('POST', path, body, headers);
			} catch (error) {
				if (!error.passing || n >= attempts)
					throw error;
				await wait(Math.max(error.retryAfterMs, 250 * 2 ** n));
			}
		}
	}

	/** Tells an event: {event_type, payload, event_id?, durable?}. */
	publish(channel, event, options) {
		const path = `events/${encodeURIComponent(channel)}`;
		return this.write(path, event, options);
	}

	/** A ticket for one socket. */
	async ticket() {
		return (await this.request('POST', 'auth/ws-ticket')).ticket;
	}
}

/* crypto.randomUUID is missing where a page came without TLS. */
function uuid() {
	const b = globalThis.crypto
		? globalThis.crypto.getRandomValues(new Uint8Array(16))
		: Uint8Array.from({ length: 16 }, () => Math.random() * 256);
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	const hex = Array.from(b, (n) => n.toString(16).padStart(2, '0')).join('');
	return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function pause(ms) {
	return new Promise((done) => setTimeout(done, ms));
}
