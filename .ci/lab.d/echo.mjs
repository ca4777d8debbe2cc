// A browser calls the example webrtc-echo from the page of `sip serve --web` and hears itself. Ends with 0 if the sound of its fake
// microphone comes back, stops while the call is held, and comes back again.
//   echo.mjs --url URL --password PASSWORD
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: o } = parseArgs({ options: { url: { type: 'string' }, password: { type: 'string' } } });
const cache = process.env.LAB_CACHE || path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'sip-lab');
const { chromium } = createRequire(path.join(cache, 'browser', 'package.json'))('playwright-core');

const PATIENCE = 30_000;
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'sip-echo-chromium-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.LAB_CHROMIUM || '/usr/bin/chromium', headless: true, chromiumSandbox: false, permissions: ['microphone'],
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--disable-extensions', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--allow-loopback-in-peer-connection',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required'],
});
const page = await browser.newPage();
page.setDefaultTimeout(PATIENCE);
// The statistics are those of the browser, not those that the page shows.
await page.addInitScript(() => {
  const Native = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Native {
    constructor(...all) {
      super(...all);
      window.connections.push(this);
    }
  };
});

async function end(code) {
  await browser.close().catch(() => {});
  fs.rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  process.exit(code);
}

// The sound received so far: packets, bytes, and the energy of what they decode to, which silence does not have.
const heard = () => page.evaluate(async () => {
  const stats = [...(await window.connections.at(-1).getStats()).values()];
  const { packetsReceived = 0, bytesReceived = 0, totalAudioEnergy = 0 } = stats.find(({ type }) => type === 'inbound-rtp') ?? {};
  return { packets: packetsReceived, bytes: bytesReceived, energy: totalAudioEnergy };
});
// Waits until a look satisfies `holds`, which gets the look before it, too.
async function until(what, holds) {
  let before = await heard();
  for (const limit = Date.now() + PATIENCE; Date.now() < limit;) {
    await page.waitForTimeout(500);
    const now = await heard();
    if (holds(now, before)) return now;
    before = now;
  }
  throw new Error(`not so: ${what}; heard ${JSON.stringify(before)}`);
}
const grows = (from) => ({ packets, bytes, energy }) => packets >= from.packets + 100 && bytes >= from.bytes + 2_000 && energy > from.energy;
const say = (what, { packets, bytes, energy }) => console.log(`${what}: ${packets} packets, ${bytes} bytes, energy ${energy.toFixed(4)}`);

async function run() {
  const alice = page.locator('.phone').first();
  await page.goto(o.url);
  await alice.locator('.account input[name=password]').fill(o.password);
  await alice.locator('.account button').click();
  await alice.locator('.registration[data-state="registered"]').waitFor();
  await alice.locator('.dial input[name=target]').fill('echo');
  await alice.locator('.call').click();
  await alice.locator('.state[data-state="up"]').waitFor();
  // A muted element has no energy.
  await alice.locator('.listen').click();
  const first = await until('the sound of the browser comes back', grows({ packets: 0, bytes: 0, energy: 0 }));
  say('the sound comes back', first);
  say('it goes on', await until('it goes on', grows(first)));

  await alice.locator('.hold').click();
  await alice.locator('.sentence').filter({ hasText: 'on hold' }).waitFor();
  const held = await until('no sound comes while the call is held', (now, before) => now.packets === before.packets);
  say('held', held);
  await alice.locator('.hold').click();
  await alice.locator('.hold').filter({ hasText: 'Hold' }).waitFor();
  say('resumed', await until('the sound comes back after the hold', grows(held)));

  await alice.locator('.hang-up').click();
  await alice.locator('.state[data-state="over"]').waitFor();
}

try {
  await run();
} catch (error) {
  console.log(error.message);
  await end(1);
}
await end(0);
