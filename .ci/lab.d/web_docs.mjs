// Runs the JavaScript of a page of the documentation in headless Chromium, each block on a page of its own, until the caller ends it.
//   web_docs.mjs --file PAGE --block NUMBER --server URL
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: o } = parseArgs({ options: { file: { type: 'string' }, block: { type: 'string' }, server: { type: 'string' } } });
const cache = process.env.LAB_CACHE || path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'sip-lab');
const require = createRequire(path.join(cache, 'browser', 'package.json'));
const { chromium } = require('playwright-core');
const esbuild = require('esbuild');

const blocks = [...fs.readFileSync(o.file, 'utf8').matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
// The server listens elsewhere here, and JsSIP is a global of its script in the block.
const code = blocks[o.block - 1].replaceAll('ws://127.0.0.1:5080', o.server).replaceAll(/^(?=.*\bnew JsSIP\.UA\b)/gm, "import JsSIP from 'jssip';\n");
const { outputFiles } = await esbuild.build({
  stdin: { contents: code, resolveDir: path.join(cache, 'browser') }, bundle: true, write: false, format: 'esm', platform: 'browser', define: { global: 'window' },
  logLevel: 'error',
});

const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'sip-web-chromium-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.LAB_CHROMIUM || '/usr/bin/chromium', headless: true, chromiumSandbox: false, permissions: ['microphone'],
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
});
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, async () => {
    await browser.close().catch(() => {});
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
    process.exit(0);
  });
}
const page = await browser.newPage();
page.on('console', (message) => console.log(message.text()));
page.on('pageerror', (error) => console.log(`error: ${error}`));
// A page of the loopback address has a microphone, and may open a connection to it.
const files = { '/': ['text/html', '<!doctype html><script type="module" src="/block.js"></script>'], '/block.js': ['text/javascript', outputFiles[0].text] };
const server = http.createServer((request, response) => {
  const [type, text] = files[request.url] ?? ['text/plain', ''];
  response.setHeader('content-type', type);
  response.end(text);
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
await page.goto(`http://127.0.0.1:${server.address().port}/`);
console.log(`block ${o.block} of ${blocks.length} runs`);
