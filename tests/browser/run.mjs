// The console and the consent page in headless Chromium: what a person does there, by mouse and by keyboard, with and
// without script, on a desktop and on a phone, and what an accessibility scan says of each page.
//
// Usage: node run.mjs SANDBOX MODULES [--pictures FOLDER]
//   SANDBOX   path of the built program
//   MODULES   folder that `npm ci` filled (package.json stands beside this file)
//   FOLDER    where to put pictures for the documentation: `PICTURES=docs/images tests/run browser`

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const [program, modules, ...rest] = process.argv.slice(2);
if (!program || !modules) {
  console.error("usage: node run.mjs SANDBOX MODULES [--pictures FOLDER]");
  process.exit(2);
}
const pictures = rest[0] === "--pictures" ? rest[1] : undefined;
const require = createRequire(join(resolve(modules), "node_modules/"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const NARROW = { width: 320, height: 640 };
const PAYMENT = JSON.stringify([
  {
    type: "payment_initiation",
    instructedAmount: { currency: "EUR", amount: "249.00" },
    creditorName: "ExampleCorp",
    creditorAccount: { iban: "DE02120300000000202051" },
    remittanceInformationUnstructured: "Invoice 2026-0815",
  },
]);
const HIDDEN = PAYMENT.replace("ExampleCorp", "Example\u202eproC");
const CIBA = "urn:openid:params:grant-type:ciba";

// ------------------------------------------------------------------------------------------------------ the sandbox

/** Starts a sandbox; gives the values it prints, with `stop`. */
async function sandbox(...args) {
  const child = spawn(program, ["--json", "serve", "--no-per-user-limit", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    new Promise((done) => lines.once("line", (text) => done([text]))),
    new Promise((_, fail) => child.once("exit", (code) => fail(new Error(`the sandbox ended with ${code}`)))),
  ]);
  const ready = JSON.parse(line);
  ready.stop = () => new Promise((done) => (child.once("exit", done), child.kill("SIGTERM")));
  return ready;
}

async function post(url, form) {
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams(form) });
  return { status: answer.status, body: await answer.json() };
}

/** Starts a request as a client would; gives its id. */
async function start(ready, changes = {}) {
  const auth0 = ready.dialect === "auth0";
  const hint = JSON.stringify({ format: "iss_sub", iss: ready.issuer, sub: ready.user_id });
  const { status, body } = await post(`${ready.origin}${auth0 ? "/bc-authorize" : "/oauth2/ciba"}`, {
    client_id: ready.client_id,
    client_secret: ready.client_secret,
    scope: "openid",
    binding_message: "Order 4711",
    login_hint: auth0 ? hint : ready.username,
    ...changes,
  });
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

const paying = (ready, details = PAYMENT) => ({
  audience: ready.audience,
  authorization_details: details,
  requested_expiry: "600",
});

function poll(ready, id) {
  return post(`${ready.origin}${ready.dialect === "auth0" ? "/oauth/token" : "/oauth2/token"}`, {
    client_id: ready.client_id,
    client_secret: ready.client_secret,
    grant_type: CIBA,
    auth_req_id: id,
  });
}

/** The secret id of the newest request: the console shows it to nobody, so the test looks into the sandbox's file. */
function newestId(folder) {
  const query = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT key FROM requests ORDER BY rowid DESC').fetchone()[0])";
  return execFileSync("python3", ["-c", query, join(folder, "sandbox.db")], { encoding: "utf8" }).trim();
}

async function newestLink(ready) {
  const outbox = await (await fetch(`${ready.console_url}control/outbox`)).json();
  return outbox.find((message) => message.link).link;
}

// ------------------------------------------------------------------------------------------------------ the browser

function findBrowser() {
  const known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const found = [process.env.CHROMIUM, ...known].find((path) => path && existsSync(path));
  assert(found, "there is no Chromium; name one in the variable CHROMIUM");
  return found;
}

/** A fresh profile with one page. What the browser complains of (a policy that was broken, an error) fails the test. */
async function opened(browser, options, work) {
  const context = await browser.newContext({ viewport: DESKTOP, locale: "en-US", ...options });
  const complaints = [];
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      // A page that was refused on purpose is no complaint.
      if (message.type() === "error" && !message.text().includes("Failed to load resource")) complaints.push(message.text());
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "data:" && url.hostname !== "127.0.0.1") complaints.push(`it asked ${url.hostname}`);
    });
    await work(page, context);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

/** Every rule of axe-core, best practices included. */
async function accessible(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const violations = found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.target.join(" ")).join(", ")}`);
  assert.deepEqual(violations, [], what);
}

/** Nothing sticks out to the side. */
async function fits(page, what) {
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert(wide <= seen, `${what}: ${wide} px in ${seen} px`);
}

async function logIn(page, link, user, password) {
  await page.goto(link);
  await page.getByLabel(/User name|Benutzername/).fill(user);
  await page.getByLabel(/Password|Passwort/).fill(password);
  await page.getByRole("button", { name: /Sign in|Anmelden/ }).click();
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), animations: "disabled" });
}

/** What a person does with a request from the console's form to the answer, and what the client hears. */
async function story(browser, auth0, folder) {
  await opened(browser, {}, async (page, context) => {
    const watcher = await context.newPage();
    await watcher.goto(`${auth0.console_url}requests`);
    await watcher.getByText("No requests yet").waitFor();
    await page.goto(auth0.console_url);
    await page.getByText("Payment", { exact: true }).click();
    await page.locator("select[name=way]").selectOption("E-mail (10 minutes)");
    await page.getByRole("button", { name: "Start request" }).click();
    await page.getByRole("heading", { name: "Order 4711" }).waitFor();
    // Nobody touched the other window.
    await watcher.getByRole("link", { name: "Order 4711" }).waitFor();
    await watcher.close();

    await page.getByRole("link", { name: "Mail", exact: true }).first().click();
    await page.getByText("Approval requested by Sandbox agent", { exact: true }).waitFor();
    await accessible(page, "mail");
    await page.getByRole("link", { name: "Open its link" }).click();
    await page.getByLabel("User name or e-mail address").fill(auth0.username);
    await page.getByLabel("Password").fill(auth0.user_password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Pay 249.00 EUR to ExampleCorp" }).waitFor();
    assert.equal((await poll(auth0, newestId(folder))).body.error, "authorization_pending");
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByRole("heading", { name: "Denied" }).waitFor();
    assert.equal((await poll(auth0, newestId(folder))).body.error, "access_denied");

    await page.goto(`${auth0.console_url}requests`);
    await page.getByRole("link", { name: "Order 4711" }).click();
    await page.getByText("the person, in a browser").first().waitFor();
  });
}

// -------------------------------------------------------------------------------------------------------- the tests

const tests = {
  async "a request started in the console appears live, is mailed, denied in the browser, and the client is told"(browser) {
    const folder = mkdtempSync(join(tmpdir(), "sandbox-browser-"));
    const auth0 = await sandbox("--channel", "guardian-push", "--channel", "email", "--data", folder);
    try {
      await story(browser, auth0, folder);
    } finally {
      await auth0.stop();
      rmSync(folder, { recursive: true });
    }
  },

  async "a denial reaches the client"(browser, { auth0 }) {
    const { auth_req_id: id } = await start(auth0, paying(auth0));
    const link = await newestLink(auth0);
    await opened(browser, {}, async (page) => {
      await logIn(page, link, auth0.username, auth0.user_password);
      assert.equal((await poll(auth0, id)).body.error, "authorization_pending");
      await page.getByRole("button", { name: "Deny" }).click();
      await page.getByRole("heading", { name: "Denied" }).waitFor();
    });
    assert.equal((await poll(auth0, id)).body.error, "access_denied");
  },

  async "everything works by keyboard alone"(browser, { auth0 }) {
    const { auth_req_id: id } = await start(auth0, paying(auth0));
    await opened(browser, {}, async (page) => {
      const focused = () => page.evaluate(() => document.activeElement.name || document.activeElement.textContent.trim());
      await page.goto(await newestLink(auth0));
      await page.keyboard.press("Tab");
      assert.equal(await focused(), "username");
      await page.keyboard.type(auth0.username);
      await page.keyboard.press("Tab");
      await page.keyboard.type(auth0.user_password);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: /Pay 249/ }).waitFor();
      const order = [];
      for (let i = 0; i < 3; i++) {
        await page.keyboard.press("Tab");
        order.push(await page.evaluate(() => document.activeElement.textContent.trim()));
        const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.equal(outline, "solid", "the focus is seen");
      }
      assert.deepEqual(order, ["Sign out", "Approve", "Deny"]);
      await page.keyboard.press("Shift+Tab");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Approved" }).waitFor();
    });
    assert.equal((await poll(auth0, id)).status, 200);
  },

  async "everything works without script"(browser, { auth0 }) {
    const { auth_req_id: id } = await start(auth0, paying(auth0, HIDDEN));
    await opened(browser, { javaScriptEnabled: false }, async (page) => {
      await logIn(page, await newestLink(auth0), auth0.username, "wrong");
      await page.getByText("User name or password is wrong.").waitFor();
      await logIn(page, await newestLink(auth0), auth0.username, auth0.user_password);
      await page.getByLabel(/whole-unit|amount/i).fill("249");
      await page.getByRole("button", { name: "Approve" }).click();
      await page.getByRole("heading", { name: "Approved" }).waitFor();
    });
    assert.equal((await poll(auth0, id)).status, 200);
  },

  async "a form of another site changes nothing"(browser, { auth0 }) {
    const { auth_req_id: id } = await start(auth0, paying(auth0));
    const link = await newestLink(auth0);
    await opened(browser, {}, async (page, context) => {
      await logIn(page, link, auth0.username, auth0.user_password);
      await page.getByRole("heading", { name: /Pay 249/ }).waitFor();
      const value = (name) => page.locator(`input[name=${name}]`).first().getAttribute("value");
      const [key, token, digest] = [await value("consent"), await value("form_token"), await value("digest")];
      // Even with every value of the form: `data:` is an origin of its own, and the cookie stays at home.
      const form = `<form method=post action="${auth0.origin}/bc-verify"><input name=consent value="${key}"><input name=form_token value="${token}"><input name=digest value="${digest}"><button name=action value=allow>go</button></form>`;
      const other = await context.newPage();
      await other.goto(`data:text/html,${encodeURIComponent(form)}`);
      await other.getByRole("button").click();
      await other.getByRole("heading", { name: "Nothing was done" }).waitFor();
    });
    assert.equal((await poll(auth0, id)).body.error, "authorization_pending");
  },

  async "an external link of the other dialect is approved in German on a phone"(browser, { asgardeo }) {
    const { auth_req_id: id, auth_url: link, interval } = await start(asgardeo, { notification_channel: "external" });
    await opened(browser, { viewport: PHONE, locale: "de-DE" }, async (page) => {
      await logIn(page, link, asgardeo.username, asgardeo.user_password);
      await page.getByText("Steht auf dem anderen Bildschirm dasselbe?").waitFor();
      await accessible(page, "German consent");
      await page.getByRole("button", { name: "Freigeben" }).click();
      await page.getByRole("heading", { name: "Freigegeben" }).waitFor();
      await page.goto(link);
      await page.getByRole("heading", { name: "Dieser Link geht nicht mehr" }).waitFor();
    });
    // A poll within the interval, even the first one after the start, is answered with a longer interval.
    let [answer, pause] = [undefined, interval];
    do {
      await new Promise((done) => setTimeout(done, pause * 1000));
      answer = await poll(asgardeo, id);
      pause += 5;
    } while (answer.body.error === "slow_down");
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
  },

  async "every page of the consent fits and is accessible, on each screen, in light and dark"(browser, { auth0 }) {
    for (const [screen, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE, narrow: NARROW })) {
      for (const colorScheme of ["light", "dark"]) {
        const what = (page) => `${page}, ${screen}, ${colorScheme}`;
        const look = async (page, name) => {
          await accessible(page, what(name));
          await fits(page, what(name));
        };
        await start(auth0, paying(auth0));
        await opened(browser, { viewport, colorScheme }, async (page) => {
          const link = await newestLink(auth0);
          await page.goto(link);
          await look(page, "login");
          await logIn(page, link, "ana", "wrong");
          await look(page, "wrong password");
          await logIn(page, link, auth0.username, auth0.user_password);
          await look(page, "consent");
          if (screen === "desktop" && colorScheme === "light") {
            await page.setViewportSize({ width: 760, height: 1120 });
            await picture(page, "consent");
            await page.setViewportSize(DESKTOP);
          }
          if (screen === "phone" && colorScheme === "light") await picture(page, "consent-phone");
          await page.getByRole("button", { name: "Deny" }).click();
          await look(page, "denied");
          await page.goto(link);
          await look(page, "used link");
          // Marks, long texts, a typed confirmation.
          await start(auth0, paying(auth0, HIDDEN.replace("Invoice 2026-0815", "x".repeat(250))));
          await page.goto(await newestLink(auth0));
          await look(page, "danger");
          await page.getByRole("button", { name: "Sign out" }).click();
          await page.getByRole("heading", { name: "Sign in" }).waitFor();
        });
      }
    }
  },

  async "the ends of a visit fit and are accessible, in both dialects"(browser, { auth0, asgardeo }) {
    for (const ready of [auth0, asgardeo]) {
      const ben = { user_id: "ben", username: "ben", password: "benspassword", email: "ben@example.com", email_verified: true };
      const made = await fetch(`${ready.console_url}control/users`, {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(ben),
      });
      assert(made.ok);
      for (const viewport of [DESKTOP, NARROW]) {
        await opened(browser, { viewport }, async (page) => {
          const look = async (name) => {
            await accessible(page, `${name}, ${ready.dialect}, ${viewport.width} px`);
            await fits(page, `${name}, ${ready.dialect}, ${viewport.width} px`);
          };
          await start(ready, ready.dialect === "auth0" ? paying(ready) : {});
          const link = await newestLink(ready);
          await logIn(page, link, "ben", "benspassword");
          await page.getByRole("heading", { name: "Another account is asked" }).waitFor();
          await look("another account");
          await page.getByRole("button", { name: "Sign out and try again" }).click();
          await page.getByRole("heading", { name: "Sign in" }).waitFor();
          await look("login");
          await page.locator("input[name=form_token]").first().evaluate((field) => (field.value = "old"));
          await page.getByLabel("User name or e-mail address").fill("ana");
          await page.getByLabel("Password").fill("x");
          await page.getByRole("button", { name: "Sign in" }).click();
          await page.getByRole("heading", { name: "Nothing was done" }).waitFor();
          await look("an old form");
          if (ready.dialect === "asgardeo") {
            await logIn(page, link, "ana", "wrong");
            await page.getByRole("heading", { name: "Sign-in failed" }).waitFor();
            await look("failed login");
            await page.goto(link);
            await page.getByRole("heading", { name: "This link no longer works" }).waitFor();
            await look("used link");
          } else {
            for (let attempt = 0; attempt < 10; attempt++) await logIn(page, link, "ana", "wrong");
            await page.getByRole("heading", { name: "Too many attempts" }).waitFor();
            await look("too many attempts");
          }
        });
      }
    }
  },

  async "every page of the console fits and is accessible, in both dialects"(browser, { auth0, asgardeo }) {
    await start(auth0, paying(auth0));
    await start(asgardeo);
    for (const ready of [auth0, asgardeo]) {
      for (const viewport of [DESKTOP, PHONE, NARROW]) {
        for (const colorScheme of ["light", "dark"]) {
          await opened(browser, { viewport, colorScheme }, async (page) => {
            await page.goto(`${ready.console_url}requests`);
            const request = await page.locator("a.what").first().getAttribute("href");
            const paths = ["", "requests", request.slice(1), "users", "clients", "apis", "mail", "log", "knobs"];
            if (ready.dialect === "auth0") paths.push("devices");
            for (const path of paths) {
              await page.goto(`${ready.console_url}${path}`);
              const what = `/${path}, ${ready.dialect}, ${viewport.width} px, ${colorScheme}`;
              await accessible(page, what);
              await fits(page, what);
            }
          });
        }
      }
    }
    await opened(browser, { viewport: { width: 1280, height: 860 } }, async (page) => {
      await page.goto(auth0.console_url);
      await picture(page, "console");
    });
  },
};

// ------------------------------------------------------------------------------------------------------- the runner

const browser = await chromium.launch({
  executablePath: findBrowser(),
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
});
let passed = 0;
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  const sandboxes = {
    auth0: await sandbox("--channel", "guardian-push", "--channel", "email"),
    asgardeo: await sandbox("--dialect", "asgardeo"),
  };
  try {
    await test(browser, sandboxes);
    passed += 1;
    console.log(`ok     ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.message}`);
  } finally {
    await Promise.all(Object.values(sandboxes).map((ready) => ready.stop()));
  }
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
