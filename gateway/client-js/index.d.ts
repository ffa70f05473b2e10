/** Live events of Troupe: each once, in order, across reconnects. */

export interface Place {
	epoch: number;
	offset: number;
}

export interface LiveEvent<P = Record<string, unknown>> extends Place {
	event_type: string;
	channel: string;
	/** ISO 8601 with an offset. */
	timestamp: string;
	payload: P;
	version: 1;
	event_id: string;
}

export interface RestOptions {
	/** Of the server, such as `https://troupe.example`. */
	url: string | URL;
	/** An access token; `renew` when the last one was refused. */
	token: (ask: { renew: boolean }) => string | Promise<string>;
	fetch?: typeof fetch;
	now?: () => number;
}

export interface WriteOptions {
	/** The Idempotency-Key; made if it is blank. */
	key?: string;
	attempts?: number;
	wait?: (ms: number) => Promise<void>;
}

export interface NewEvent {
	event_type: string;
	payload: object;
	event_id?: string;
	durable?: boolean;
}

export interface Told extends Place {
	event_id: string;
	duplicate: boolean;
}

export class RestError extends Error {
	/** 0: there was no answer. */
	readonly status: number;
	readonly code: number | null;
	readonly retryAfterMs: number;
	readonly revoked: boolean;
	readonly passing: boolean;
}

export class Rest {
	constructor(options: RestOptions);
	request<T = unknown>(
		method: string,
		path: string,
		body?: unknown,
		headers?: Record<string, string>,
	): Promise<T>;
	write<T = unknown>(
		path: string,
		body: unknown,
		options?: WriteOptions,
	): Promise<T>;
	publish(
		channel: string,
		event: NewEvent,
		options?: WriteOptions,
	): Promise<Told>;
	ticket(): Promise<string>;
}

/** A constructor with the interface of the browser's WebSocket. */
export type SocketConstructor = new (url: string, protocols: string[]) => {
	onopen: ((event: any) => void) | null;
	onmessage: ((event: any) => void) | null;
	onclose: ((event: any) => void) | null;
	onerror: ((event: any) => void) | null;
	send(text: string): void;
	close(): void;
};

export interface LiveOptions extends RestOptions {
	/** Wanted where there is no global one: Node before 22. */
	WebSocket?: SocketConstructor;
	backoffMs?: number;
	backoffMaxMs?: number;
	/** A share of the pause, to both sides. */
	jitter?: number;
	/** In a row, without a connection that lasted `stableMs`. */
	attempts?: number;
	stableMs?: number;
	connectMs?: number;
	/** Less than the server's `api.ws_frame_timeout_seconds`. */
	heartbeatMs?: number;
	answerMs?: number;
	random?: () => number;
	timers?: {
		setTimeout(fn: () => void, ms: number): any;
		clearTimeout(timer: any): void;
	};
	rest?: Pick<Rest, 'ticket'>;
}

export interface SubscribeOptions<P = Record<string, unknown>> {
	/** Each key has to be in the payload, with that value. */
	filters?: Record<string, string>;
	/** Where to go on; without it: from now. */
	since?: Place;
	onEvent?: (event: LiveEvent<P>) => void;
}

export interface Subscribed {
	channel: string;
	recovered: boolean;
	/** There was a place to go on from. */
	resumed: boolean;
	position: Place;
}

export interface Subscription {
	readonly channel: string;
	/** The newest event's place; null before the server has answered. */
	readonly position: Place | null;
	/** Rejects if the channel may not be heard. */
	readonly ready: Promise<Subscribed>;
	close(): void;
}

export type State = 'idle' | 'connecting' | 'open' | 'waiting' | 'closed';

export interface Ended {
	why:
		| 'closed'
		| 'revoked'
		| 'unauthorized'
		| 'forbidden'
		| 'refused'
		| 'protocol'
		| 'attempts';
	code: number;
	reason: string;
}

export interface LiveEvents {
	event: LiveEvent;
	state: { state: State; ms?: number; code?: number; reason?: string };
	subscribed: Subscribed;
	/** Events between these places will not come. */
	lost: {
		channel: string;
		from: Place | null;
		to: Place;
		why: 'history' | 'gap';
	};
	/** So many ephemeral events were not sent: this client was too slow. */
	dropped: { count: number };
	denied: { channel: string };
	/** It does not come back by itself. */
	closed: Ended;
	error: Error;
}

export class Live {
	constructor(options: LiveOptions);
	readonly state: State;
	readonly rest: Rest;
	readonly counts: {
		events: number;
		duplicates: number;
		gaps: number;
		discarded: number;
		connections: number;
	};
	on<K extends keyof LiveEvents>(
		name: K,
		handler: (value: LiveEvents[K]) => void,
	): () => void;
	open(): Promise<void>;
	close(): void;
	retryNow(): void;
	subscribe<P = Record<string, unknown>>(
		channel: string,
		options?: SubscribeOptions<P>,
	): Subscription;
	unsubscribe(channel: string): void;
	positions(): Record<string, Place>;
}
