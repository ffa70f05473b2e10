/**
 * The client of Troupe's live events; docs/GUIDE.md shows it at work.
 *
 * No dependency: WebSocket and fetch are the platform's, or are given.
 */
export { Live } from './live.js';
export { Rest, RestError } from './rest.js';
