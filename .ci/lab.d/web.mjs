// Uses the page of `sip serve --web` in headless Chromium: two phones and `sip answer`. Ends with 0 if all of it comes.
//   web.mjs --url URL --sip PROGRAM [--sound | --passwords] [--shots FOLDER]
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: o } = parseArgs({
  options: { url: { type: 'string' }, sip: { type: 'string' }, shots: { type: 'string' }, sound: { type: 'boolean' }, passwords: { type: 'boolean' } },
});
const cache = process.env.LAB_CACHE || path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'sip-lab');
const { chromium } = createRequire(path.join(cache, 'browser', 'package.json'))('playwright-core');

const PATIENCE = 30_000;
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'sip-web-chromium-'));
// Candidates are addresses, because names of multicast DNS need an interface beside the loopback one. Without a fake device there is no microphone.
const flags = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-extensions', '--disable-features=WebRtcHideLocalIpsWithMdns', '--allow-loopback-in-peer-connection',
  ...(o.sound ? ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] : [])];
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.LAB_CHROMIUM || '/usr/bin/chromium', headless: true, args: flags, chromiumSandbox: false, viewport: { width: 1280, height: 860 },
  permissions: o.sound ? ['microphone'] : [],
});
const page = await browser.newPage();
page.setDefaultTimeout(PATIENCE);

let answering;
async function end(code) {
  answering?.kill('SIGKILL');
  await browser.close().catch(() => {});
  fs.rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  process.exit(code);
}
const fail = async (why) => {
  console.log(`not so: ${why}`);
  await shot('failed');
  await end(1);
};
const demand = (what, holds) => holds || fail(what);
const shot = (name, options = {}) => o.shots && page.screenshot({ path: path.join(o.shots, `${name}.png`), ...options }).catch(() => {});

// What the page must not do: errors (a breach of its policy is one), and requests to others.
const faults = [];
page.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(message.text()));
page.on('pageerror', (error) => faults.push(String(error)));
page.on('request', (request) => request.url().startsWith(o.url) || faults.push(`asks for ${request.url()}`));

const phone = (index) => page.locator('.phone').nth(index);
const [alice, bob] = [phone(0), phone(1)];
const stands = (of, state) => of.locator(`.state[data-state="${state}"]`).waitFor();
const says = (of, text) => of.filter({ hasText: text }).waitFor();

// The arrows so far: from, to and label.
const arrows = () => page.$$eval('#ladder li', (items) => items.map(({ dataset }) => `${dataset.from} > ${dataset.to}: ${dataset.label}`));
// Waits for arrows in this order, with any others in between; a label is given by its beginning or its end.
async function drawn(what, expected) {
  const comes = async () => {
    const all = await arrows();
    let at = 0;
    for (const arrow of all) if (at < expected.length && matches(arrow, expected[at])) at += 1;
    return at;
  };
  for (const end = Date.now() + PATIENCE; (await comes()) < expected.length;) {
    if (Date.now() > end) await fail(`${what}: the ladder has no "${expected[await comes()]}" in its place in\n${(await arrows()).join('\n')}`);
    await page.waitForTimeout(100);
  }
}
function matches(arrow, expected) {
  const [start, tail] = expected.split('…');
  return tail === undefined ? arrow === expected : arrow.startsWith(start) && arrow.endsWith(tail);
}

async function run() {
  await page.goto(o.url);
  if (o.passwords) {
    await alice.locator('.account input[name=password]').fill('wrong');
    await alice.locator('.account button').click();
    await says(alice.locator('.registration'), 'refused: 401');
    for (const [of, password] of [[alice, 'alice-pw'], [bob, 'bob-pw']]) {
      await of.locator('.account input[name=password]').fill(password);
      await of.locator('.account button').click();
    }
  }
  for (const of of [alice, bob]) await of.locator('.registration[data-state="registered"]').waitFor();
  await drawn('registration', ['alice > server: REGISTER sip:localhost', 'server > alice: 401 Unauthorized', 'server > alice: 200 OK']);
  console.log('both phones are registered');

  await alice.locator('.call').click();
  await stands(bob, 'incoming');
  await shot('incoming');
  await bob.locator('.answer').click();
  for (const of of [alice, bob]) await stands(of, 'up');
  await drawn('a call', ['alice > server: INVITE sip:bob@localhost (SDP)', 'server > alice: 407…', 'alice > server: INVITE sip:bob@localhost (SDP)',
    'server > bob: INVITE … (SDP)', 'bob > server: 180 Ringing', 'server > alice: 180 Ringing', 'bob > server: 200 OK (SDP)', 'server > alice: 200 OK (SDP)',
    'alice > server: ACK …', 'server > bob: ACK …']);
  console.log('alice calls bob');
  // Silence is sound, too: it fills packets.
  for (const of of [alice, bob]) await says(of.locator('.sound'), /[1-9]\d* kB of sound received/);
  const silent = (await alice.locator('.sound').textContent()).includes('no microphone: silence is sent');
  await demand(`alice says whether she has a microphone: ${await alice.locator('.sound').textContent()}`, silent === !o.sound);

  await alice.locator('.hold').click();
  await says(alice.locator('.sentence'), 'on hold');
  await says(bob.locator('.sentence'), 'held by the other side');
  await shot('held');
  await alice.locator('.hold').click();
  await says(alice.locator('.hold'), 'Hold');
  await drawn('hold', ['server > bob: 180…', 'alice > server: ACK …', 'alice > server: INVITE … (SDP)', 'server > alice: 200 OK (SDP)', 'alice > server: INVITE … (SDP)'].slice(1));
  console.log('alice holds and resumes');

  await alice.locator('.text input').fill('grüße <b>von alice</b>');
  await alice.locator('.text button').click();
  await says(bob.locator('.texts .theirs'), 'grüße <b>von alice</b>');
  await says(alice.locator('.texts .own'), 'to bob: 200');
  await drawn('a message', ['alice > server: MESSAGE sip:bob@localhost …', 'server > bob: MESSAGE …', 'bob > server: 200 OK', 'server > alice: 200 OK']);
  console.log('alice writes to bob');

  await bob.locator('.hang-up').click();
  for (const of of [alice, bob]) await stands(of, 'over');
  await says(alice.locator('.sentence'), 'bob hung up');
  await drawn('the end', ['bob > server: BYE …', 'server > alice: BYE …', 'alice > server: 200 OK', 'server > bob: 200 OK']);
  console.log('bob hangs up');

  await bob.locator('.call').click();
  await stands(alice, 'incoming');
  await alice.locator('.hang-up').click();
  await says(bob.locator('.sentence'), '480');
  console.log('alice declines');

  await answer();
  await alice.locator('.targets button', { hasText: 'carol' }).click();
  await alice.locator('.call').click();
  await stands(alice, 'up');
  await says(alice.locator('.sound'), 'signalling only');
  await drawn('a call to sip answer', ['carol > server: REGISTER sip:localhost', 'alice > server: INVITE sip:carol@localhost (SDP)',
    'server > carol: INVITE … (SDP)', 'carol > server: 200 OK (SDP)', 'server > alice: 200 OK (SDP)', 'server > carol: ACK …']);

  // The whole message opens, without credentials.
  const arrow = page.locator('#ladder li[data-from="alice"][data-label^="INVITE sip:carol"]').last();
  await arrow.locator('button').click();
  const whole = await arrow.locator('pre').textContent();
  await demand(`the message is whole: ${whole}`, /^INVITE sip:carol@localhost SIP\/2\.0\n/.test(whole) && /\nm=audio /.test(whole));
  await demand(`its credentials are not shown: ${whole}`, /\nProxy-Authorization: Digest \[redacted\]\n/.test(whole) && !whole.includes('response='));
  await shot('answered');
  await page.setViewportSize({ width: 390, height: 844 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  await demand(`the page is as narrow as its window, not ${overflow} more`, overflow <= 0);
  await shot('narrow', { fullPage: true });
  await alice.locator('.hang-up').click();
  await stands(alice, 'over');
  await drawn('the end', ['server > carol: BYE …', 'carol > server: 200 OK']);
  console.log('alice calls sip answer');

  await demand(`the page makes no fault: ${faults.join('\n')}`, faults.length === 0);
}

// Starts the command line that the page names, and waits until it is registered.
async function answer() {
  const command = await page.locator('#answering code').textContent();
  const [, password, flags] = /^(?:SIP_PASSWORD=(\S+) )?sip (answer .*)$/.exec(command) ?? [];
  await demand(`the page names a command line: ${command}`, flags);
  // A terminal of a person would ask for a password that is not named.
  const env = { ...process.env, SIP_PASSWORD: password ?? 'carol-pw' };
  answering = spawn(o.sip, flags.split(' '), { stdio: ['ignore', 'pipe', 'inherit'], env });
  await new Promise((resolve) => {
    let text = '';
    const timer = setTimeout(() => fail(`sip answer registers; it says: ${text}`), PATIENCE);
    answering.stdout.on('data', (data) => {
      text += data;
      if (!/^registered/m.test(text)) return;
      clearTimeout(timer);
      resolve();
    });
    answering.on('exit', () => clearTimeout(timer) || resolve());
  });
}

await run().catch((error) => fail(error.message));
await end(0);
