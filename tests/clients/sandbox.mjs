// The processes of a test in JavaScript: the sandbox's server, its bridge, phones on the real core, the agent.
// All of them are the `sandbox` binary that the variable SANDBOX names; all end with the test.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const binary = process.env.SANDBOX;
if (!binary) {
  console.error('SANDBOX must name the sandbox binary: SANDBOX=target/debug/sandbox (after `cargo build -p sandbox`)');
  process.exit(2);
}

const children = new Set();
const folders = new Set();

// However the test ends, nothing of it stays.
process.on('exit', () => {
  for (const { child } of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Ends what still runs as it should end. Called by `cases.mjs` at the end of every test. */
export async function cleanUp() {
  await Promise.all([...children].map((child) => child.end()));
}

export function folder() {
  const made = mkdtempSync(join(tmpdir(), 'sandbox-test-'));
  folders.add(made);
  return made;
}

/** A process whose standard output is one JSON value a line. */
export class Running {
  constructor(command, args, options = {}) {
    this.lines = [];
    this.waiting = [];
    this.errors = '';
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    this.child.stderr.setEncoding('utf8').on('data', (text) => { this.errors += text; });
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.lines.push(line);
      for (const look of this.waiting.splice(0)) look();
    });
    this.ended = new Promise((resolve) => this.child.on('close', (code) => {
      children.delete(this);
      this.code = code ?? -1;
      for (const look of this.waiting.splice(0)) look();
      resolve(this.code);
    }));
    children.add(this);
  }

  /** The first line from here on that fits, as JSON; lines before it are passed over. */
  async next(fits = () => true, seconds = 30) {
    const late = AbortSignal.timeout(seconds * 1000);
    for (;;) {
      while (this.lines.length > 0) {
        const value = JSON.parse(this.lines.shift());
        if (fits(value)) return value;
      }
      if (this.code !== undefined) throw new Error(`it ended with status ${this.code}: ${this.errors}`);
      await new Promise((resolve, reject) => {
        this.waiting.push(resolve);
        late.addEventListener('abort', () => reject(new Error(`nothing came in ${seconds} s: ${this.errors}`)));
      });
    }
  }

  event(name, seconds) {
    return this.next((line) => line.event === name, seconds);
  }

  /** Asks it to end, and insists after a while. */
  async end() {
    if (this.code !== undefined) return;
    this.child.kill('SIGTERM');
    const insist = setTimeout(() => this.child.kill('SIGKILL'), 20_000);
    await this.ended;
    clearTimeout(insist);
  }
}

/** Environment without the variables that the commands would read. */
function environment(more = {}) {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('SANDBOX'));
  return { ...Object.fromEntries(kept), LANG: 'C', LC_ALL: 'C', ...more };
}

function sandbox(args, more) {
  return new Running(binary, args, { env: environment(more) });
}

/** A server or a bridge: its values are those of its first line. */
export class Server {
  static async start(args) {
    const server = new Server();
    server.process = sandbox([...args, '--json']);
    server.values = await server.process.next();
    return server;
  }

  async control(method, path, body) {
    const answer = await fetch(this.values.console_url + path, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text && JSON.parse(text) };
  }

  async advance(seconds) {
    await this.control('POST', 'control/clock', { advance_s: seconds });
  }

  /** Requests as the console sees them, newest first. */
  async requests() {
    return (await this.control('GET', 'control/snapshot')).body.requests;
  }

  end() {
    return this.process.end();
  }
}

/** A phone on the real core, with a store of its own. */
export class Phone {
  static async enroll(invitation, server) {
    const phone = new Phone();
    phone.store = folder();
    await phone.run('enroll', invitation, '--server', server);
    return phone;
  }

  command(...args) {
    return sandbox(['phone', '--json', '--store', this.store, ...args]);
  }

  /** Runs a command to its end; the error of a failing one is its `error` code. */
  async run(...args) {
    const running = this.command(...args);
    await running.ended;
    const value = running.lines.length > 0 ? JSON.parse(running.lines[0]) : {};
    if (running.code !== 0) throw Object.assign(new Error(running.errors), { code: value.error });
    return value;
  }

  /** Waits for one push and answers it: `approve`, `deny` or `ignore`. Resolves when it listens. */
  async answers(word) {
    const watch = this.command('watch', '--once', '--answer', word);
    await watch.event('connected');
    return {
      /** What the person was shown. */
      review: async () => (await watch.event('request', 60)).review,
      /** What became of the answer. */
      receipt: async () => (await watch.event('receipt', 60)).receipt,
      end: () => watch.end(),
    };
  }
}

/** Runs `sandbox agent request` to its end: exit status and, where there is one, its JSON. */
export async function agent(args, secret) {
  const running = sandbox(['agent', 'request', '--json', ...args], { SANDBOX_CLIENT_SECRET: secret });
  const code = await running.ended;
  const value = running.lines.length > 0 ? JSON.parse(running.lines[0]) : {};
  return { code, ...value, errors: running.errors.trim() };
}
