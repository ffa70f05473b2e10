/** The same in Chromium: its own WebSocket and fetch, through a proxy. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Rest } from '../index.js';
import { browse, told } from './browser.js';
import { begin, within } from './troupe.js';

test('a page hears each event once though the server is killed',
	async (t) => {
		const it = await begin(t);
		const rest = new Rest({ url: it.door.url, token: () => it.token });
		const wait = () => new Promise((done) => setTimeout(done, 20));
		const { door } = it;
		const numbers = () => door.reports
			.filter((r) => 'n' in r).map((r) => r.n);

		await browse(t, `${door.url}/files/test/page.html#${it.token}`);
		await told(door, (all) => all.length > 0, 'the page');
		assert.deepEqual(door.reports, [{ ready: true }]);
		const saying = (async () => {
			for (let n = 0; n < 90; n++)
				await rest.publish('agents',
					{ event_type: 'count.said', payload: { n } },
					{ attempts: 1000, wait });
		})();
		for (const count of [20, 50]) {
			await told(door, () => numbers().length >= count, count);
			await it.troupe.kill();
			await it.troupe.start();
		}
		await within(saying, 'what was told');
		await told(door, () => numbers().length >= 90, 'the last event');
		assert.deepEqual(numbers(), Array.from({ length: 90 }, (_, i) => i));
		assert.equal(door.reports.length, 91, 'no loss, no error');

		await rest.request('DELETE', `auth/sessions/${it.session}`);
		await told(door, (all) => all.length > 91, 'the end');
		assert.deepEqual(door.reports[91].closed,
			{ why: 'forbidden', code: 4003, reason: 'Session revoked' });
	});
