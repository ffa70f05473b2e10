/** A headless Chromium that is ended with the test, and what its page tells. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { within } from './troupe.js';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu',
	'--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync',
	'--disable-dev-shm-usage'];

export async function browse(t, url) {
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
export function told(door, fits, what) {
	return within(new Promise((done) => {
		door.onReport = () => fits(door.reports) && done();
		door.onReport();
	}), what);
}
