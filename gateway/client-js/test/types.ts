/* Compiled, never run: what users write has types, and mistakes have none. */
import { Live, type Place, Rest, RestError } from '../index.js';

const live = new Live({
	url: 'https://troupe.example',
	token: async ({ renew }) => (renew ? 'new' : 'old'),
});
const since: Place = { epoch: 1, offset: 2 };
const sub = live.subscribe<{ title: string }>('tasks', {
	since,
	onEvent: (event) => event.payload.title.toUpperCase(),
});
live.on('lost', ({ channel, from, to }) => [channel, from?.offset, to.epoch]);
live.on('closed', ({ why, code }) => why === 'revoked' && code === 4003);
const off: () => void = live.on('event', (e) => e.offset.toFixed());
const place: Place | null = sub.position;
const told: Promise<{ duplicate: boolean }> = new Rest({
	url: 'https://troupe.example',
	token: () => '',
}).publish('agents', { event_type: 'x', payload: {} });
const passing = (e: RestError): boolean => e.passing && !e.revoked;

// @ts-expect-error an event's name
live.on('lots', () => {});
// @ts-expect-error half a place
live.subscribe('tasks', { since: { epoch: 1 } });
// @ts-expect-error no token
new Live({ url: '' });

export { off, passing, place, told };
