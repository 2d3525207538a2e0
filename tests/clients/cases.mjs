// Runs the cases of a test and prints a table: case, what was reported. A case gives the text that it reports; it
// passes when that is exactly what was expected.

import { cleanUp } from './sandbox.mjs';

/**
 * Runs `cases`, each `[name, expected text, async function that gives the text]`, one after the other or `atOnce`, and
 * ends the process.
 */
export async function run(title, cases, { atOnce = false } = {}) {
  console.log(`${title}\n`);
  const running = atOnce ? cases.map(outcome) : [];
  let failed = 0;
  for (const [i, one] of cases.entries()) {
    const { reported, seconds } = await (running[i] ?? outcome(one));
    const [name, expected] = one;
    const passed = reported === expected;
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${name.padEnd(44)} ${reported}   (${seconds} s)`);
    if (!passed) {
      failed += 1;
      console.log(`     expected${' '.repeat(36)}${expected}`);
    }
  }
  console.log(`\n${cases.length - failed} passed, ${failed} failed`);
  await cleanUp();
  process.exit(failed === 0 ? 0 : 1);
}

async function outcome([, , report]) {
  const begun = performance.now();
  let reported;
  try {
    reported = await report();
  } catch (error) {
    reported = `failed: ${error?.stack ?? error}`;
  }
  return { reported, seconds: ((performance.now() - begun) / 1000).toFixed(1) };
}
