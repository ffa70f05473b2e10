/** The types say what the code has, and refuse what it has not. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as client from '../index.js';

const here = path.dirname(fileURLToPath(import.meta.url));

test('a program with types compiles, its mistakes do not', () => {
	const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
	try {
		execFileSync(process.execPath, [tsc, '--noEmit', '--strict',
			'--module', 'nodenext', '--target', 'es2022', '--lib',
			'es2022,dom', path.join(here, 'types.ts')],
		{ encoding: 'utf8' });
	} catch (error) {
		assert.fail(error.stdout);
	}
});

test('every export has a type', () => {
	assert.deepEqual(Object.keys(client).sort(), ['Live', 'Rest', 'RestError']);
});
