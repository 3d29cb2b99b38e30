// Speaks to the emulator with HubSpot's own client and checks what comes back.
// Arguments: the base URL and a token. Prints one JSON object with what it saw.
'use strict';
const assert = require('node:assert/strict');
const { Client } = require('@hubspot/api-client');

const [basePath, accessToken] = process.argv.slice(2);
const client = new Client({ accessToken, basePath, numberOfApiCallRetries: 0 });
const { contacts, companies, deals, properties } = client.crm;

// refusal returns the error that the call is to end with.
async function refusal(call) {
  try {
    await call();
  } catch (e) {
    return { code: e.code, body: e.body, headers: e.headers };
  }
  throw new assert.AssertionError({ message: 'the call was to be refused' });
}

async function single() {
  const made = await contacts.basicApi.create({ properties: { email: 'Jane@Example.com', firstname: 'Jane' } });
  assert.equal(made.properties.email, 'jane@example.com');
  assert.ok(made.createdAt instanceof Date && !Number.isNaN(made.createdAt.getTime()));
  assert.equal(made.archived, false);

  const read = await contacts.basicApi.getById(made.id, ['email', 'lastname']);
  assert.deepEqual([read.id, read.properties.email, read.properties.lastname], [made.id, 'jane@example.com', null]);

  const updated = await contacts.basicApi.update(made.id, { properties: { lastname: 'Doe' } });
  assert.equal(updated.properties.lastname, 'Doe');

  const again = await refusal(() => contacts.basicApi.create({ properties: { email: 'jane@example.com' } }));
  assert.equal(again.code, 409);
  assert.equal(again.body.category, 'CONFLICT');
  assert.equal(again.body.message, `Contact already exists. Existing ID: ${made.id}`);
  assert.equal(again.headers['x-hubspot-ratelimit-interval-milliseconds'], '10000');

  await contacts.basicApi.archive(made.id);
  await contacts.basicApi.archive('987654321');
  const gone = await refusal(() => contacts.basicApi.update(made.id, { properties: { lastname: 'X' } }));
  assert.equal(gone.code, 404);
  assert.equal(gone.body.category, 'OBJECT_NOT_FOUND');
}

async function batches() {
  const upsert = await contacts.batchApi.upsert({
    inputs: ['a', 'b', 'c'].map((id, i) => ({
      id, idProperty: 'crmsync_id', objectWriteTraceId: String(i), properties: { email: `${id}@Example.com` },
    })),
  });
  assert.equal(upsert.status, 'COMPLETE');
  assert.ok(upsert.startedAt instanceof Date && upsert.completedAt instanceof Date);
  assert.deepEqual(upsert.results.map((r) => r._new), [true, true, true]);
  assert.deepEqual(upsert.results.map((r) => r.properties.crmsync_id).sort(), ['a', 'b', 'c']);
  assert.notDeepEqual(upsert.results.map((r) => r.properties.crmsync_id), ['a', 'b', 'c']);

  const partial = await contacts.batchApi.upsert({
    inputs: [
      { id: 'a', idProperty: 'crmsync_id', objectWriteTraceId: '0', properties: { firstname: 'Ada' } },
      { id: 'd', idProperty: 'crmsync_id', objectWriteTraceId: '1', properties: { email: 'not an e-mail' } },
    ],
  });
  assert.equal(partial.numErrors, 1);
  assert.deepEqual(partial.results.map((r) => [r.properties.crmsync_id, r._new]), [['a', false]]);
  assert.deepEqual(partial.errors[0].context, { objectWriteTraceId: ['1'] });
  assert.equal(partial.errors[0].category, 'VALIDATION_ERROR');

  const twice = await refusal(() => contacts.batchApi.update({
    inputs: [{ id: '1', properties: {} }, { id: '1', properties: {} }],
  }));
  assert.equal(twice.code, 400);
  assert.equal(twice.body.message, 'Duplicate IDs found in batch input: [1]. IDs must be unique');

  const read = await contacts.batchApi.read({
    idProperty: 'crmsync_id', properties: ['crmsync_id', 'firstname'], propertiesWithHistory: [], inputs: [{ id: 'a' }, { id: 'nobody' }],
  });
  assert.deepEqual(read.results.map((r) => [r.properties.crmsync_id, r.properties.firstname]), [['a', 'Ada']]);
  assert.deepEqual(read.errors[0].context, { ids: ['nobody'] });

  await contacts.batchApi.archive({ inputs: upsert.results.slice(0, 1).map((r) => ({ id: r.id })) });
}

async function others() {
  const company = await companies.basicApi.create({ properties: { name: 'Acme', domain: 'acme.test', numberofemployees: '12' } });
  assert.equal(company.properties.name, 'Acme');
  const made = await deals.batchApi.create({
    inputs: [{ properties: { dealname: 'Big', dealstage: 'appointmentscheduled', amount: '1500.00' } }],
  });
  assert.equal(made.results[0].properties.pipeline, 'default');
  assert.equal(made.results[0].properties.amount, '1500.00');
  const dated = await client.apiRequest({ path: `/crm/objects/2026-03/0-2/${company.id}?properties=name` });
  assert.equal((await dated.json()).properties.name, 'Acme');

  const found = await deals.searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: 'amount', operator: 'GTE', value: '1000' }] }],
    sorts: ['amount'], properties: ['dealname'], limit: 10, after: '0',
  });
  assert.equal(found.total, 1);
  assert.equal(found.results[0].properties.dealname, 'Big');
}

async function definitions() {
  const made = await properties.coreApi.create('deals', {
    groupName: 'dealinformation', name: 'outside_id', label: 'Outside id', type: 'string', fieldType: 'text', hasUniqueValue: true,
  });
  assert.equal(made.hasUniqueValue, true);
  const all = await properties.coreApi.getAll('deals');
  const names = all.results.map((p) => p.name);
  assert.ok(names.includes('outside_id') && names.includes('dealstage'));
  const stage = await properties.coreApi.getByName('contacts', 'lifecyclestage');
  assert.equal(stage.options[0].value, 'subscriber');
  assert.equal(stage.modificationMetadata.readOnlyDefinition, true);
  assert.ok(stage.updatedAt instanceof Date && !Number.isNaN(stage.updatedAt.getTime()));
}

// fail has the emulator fail the next request of this operation.
async function fail(operation, kind) {
  const queued = await fetch(`${basePath}/_emulator/faults`, {
    method: 'POST', body: JSON.stringify({ kind, match: { operation }, times: 1 }),
  });
  assert.equal(queued.status, 204);
}

// patience checks that the client takes our failures for HubSpot's: it tries
// again at once after a 500 and a second later after the 429 of a search.
async function patience() {
  const patient = new Client({ accessToken, basePath, numberOfApiCallRetries: 2 });
  const made = await contacts.basicApi.create({ properties: { firstname: 'Late' } });
  await fail('read', 'server_error');
  const read = await patient.crm.contacts.basicApi.getById(made.id, ['firstname']);
  assert.equal(read.properties.firstname, 'Late');
  await fail('search', 'throttled');
  const found = await patient.crm.contacts.searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: 'firstname', operator: 'EQ', value: 'LATE' }] }],
    sorts: [], properties: [], limit: 1, after: '0',
  });
  assert.equal(found.total, 1);
}

async function strangers() {
  const stranger = new Client({ accessToken: 'nobody', basePath, numberOfApiCallRetries: 0 });
  const answer = await refusal(() => stranger.crm.contacts.basicApi.getById('1'));
  assert.equal(answer.code, 401);
  assert.equal(answer.body.category, 'INVALID_AUTHENTICATION');
}

(async () => {
  const passed = [];
  for (const check of [single, batches, others, definitions, patience, strangers]) {
    await check();
    passed.push(check.name);
  }
  console.log(JSON.stringify({ passed }));
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
