// Reads what a run of the conformance suite left behind, and says how it went: one line for the
// revision and, where they ran, one for its tasks extension; below each what failed. Ends with 1
// if anything failed, is missing, or is a warning. Started by scripts/conformance:
//
//     report.mjs RESULTS REVISION LABEL [SCENARIO]

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const PACKAGE = join(import.meta.dirname, 'node_modules/@modelcontextprotocol/conformance');
const MESSAGE_CHARACTERS_MAX = 600;

// How many scenarios there are, so that a suite that leaves some out is noticed.
const EXPECTED = { '2025-11-25': { core: 33, tasks: 0 }, '2026-07-28': { core: 40, tasks: 10 } };

// What the revision has for servers, scored or not.
function scenariosOf(revision) {
  const text = readFileSync(join(PACKAGE, 'requirements', `${revision}.yaml`), 'utf8');
  const requirements = parse(text);
  const unscored = requirements.not_scored.filter(({ leg }) => leg === 'server');
  return [...requirements.server, ...unscored.map(({ scenario }) => scenario)];
}

// The folder of a scenario is `server-NAME-TIME`.
function checksOf(results, scenario) {
  const isTime = /^\d{4}-\d{2}-\d{2}T[\d-]+Z$/;
  const prefix = `server-${scenario}-`;
  const mine = (name) => name.startsWith(prefix) && isTime.test(name.slice(prefix.length));
  const folder = existsSync(results) && readdirSync(results).sort().findLast(mine);
  const file = folder && join(results, folder, 'checks.json');
  return file && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

function message(check) {
  const said = check.errorMessage ?? check.details?.message ?? check.description;
  const line = said.replaceAll(/\s+/g, ' ');
  if (line.length <= MESSAGE_CHARACTERS_MAX) return line;
  return `${line.slice(0, MESSAGE_CHARACTERS_MAX)} …`;
}

// What is wrong with a scenario, as lines; none if it passed.
function problems(checks) {
  if (checks === undefined) return ['did not run'];
  const bad = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
  if (bad.length > 0) return bad.map((check) => `${check.status} ${check.id}: ${message(check)}`);
  return checks.length > 0 ? [] : ['checked nothing'];
}

const failed = (checks) => checks?.some(({ status }) => status === 'FAILURE') ?? true;
const count = (all, status) =>
  all.flatMap(({ checks }) => checks ?? []).filter((check) => check.status === status).length;

// Prints one line and what is below it; true if all is well.
function report(results, name, label, scenarios, expected) {
  const all = scenarios.map((scenario) => ({ scenario, checks: checksOf(results, scenario) }));
  const passed = all.filter(({ checks }) => checks?.length > 0 && !failed(checks)).length;
  const skipped = count(all, 'SKIPPED');
  const counts = [
    `${passed}/${expected} scenarios`,
    `${count(all, 'WARNING')} warnings`,
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  console.log(`${name.padEnd(10)}  ${label.padEnd(7)}  ${counts.join(', ')}`);
  let good = true;
  if (scenarios.length !== expected) {
    console.log(`    the suite has ${scenarios.length} scenarios; there should be ${expected}`);
    good = false;
  }
  for (const { scenario, checks } of all) {
    const found = problems(checks);
    if (found.length === 0) continue;
    good = false;
    console.log(`    ${scenario}`);
    for (const line of found) console.log(`        ${line}`);
  }
  return good;
}

const [results, revision, label, only] = process.argv.slice(2);
let good;
if (only) {
  good = report(results, revision, label, [only], 1);
} else {
  const all = scenariosOf(revision);
  const isTasks = (name) => name.startsWith('tasks-');
  const { core, tasks } = EXPECTED[revision];
  good = report(results, revision, label, all.filter((name) => !isTasks(name)), core);
  if (tasks > 0) good = report(results, '  tasks', label, all.filter(isTasks), tasks) && good;
}
process.exit(good ? 0 : 1);
