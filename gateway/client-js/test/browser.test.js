/** The same in Chromium: its own WebSocket and fetch, through a proxy. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { Rest } from '../index.js';
import { begin, within } from './troupe.js';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu',
	'--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync',
	'--disable-dev-shm-usage'];

async function browse(t, url) {
	const home = await mkdtemp(path.join(os.tmpdir(), 'troupe-browser-'));
	/* A group of its own: Chromium is many processes. */
	const browser = spawn(CHROMIUM,
		[...FLAGS, `--user-data-dir=${home}`, url],
		{ stdio: 'ignore', detached: true });

	t.after(async () => {
		const gone = browser.exitCode === null ? once(browser, 'exit') : null;
		try {
			process.kill(-browser.pid, 'SIGKILL');
		} catch {
			/* it has ended by itself */
		}
		await gone;
		await rm(home, { recursive: true, force: true, maxRetries: 5 });
	});
}

/** Resolves once the page has told what fits. */
function told(door, fits, what) {
	return within(new Promise((done) => {
		door.onReport = () => fits(door.reports) && done();
		door.onReport();
	}), what);
}

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
