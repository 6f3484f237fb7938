// Submit, list and cancel with the types that openapi-typescript made, and openapi-fetch.
import createClient from 'openapi-fetch';
import type { paths } from './schema';

declare const process: { argv: string[] };

const client = createClient<paths>({ baseUrl: process.argv[2] });

const submitted = await client.POST('/jobs', {
  body: { command: ['sleep', '300'], num_tasks: 1, duration: 600, urgency: 16, name: 'ots' },
});
const id = submitted.data!.id;
const path = { id };
const page = await client.GET('/jobs', { params: { query: { state: ['ACTIVE'], name: 'ots' } } });
await client.POST('/jobs/{id}/cancel', { params: { path }, body: { note: 'enough' } });
const ended = await client.GET('/jobs/{id}/wait', { params: { path } });
const refused = await client.POST('/jobs', { body: { command: ['true'], num_tasks: 0 } });
const unknown = await client.GET('/jobs/{id}', { params: { path: { id: 'f1' } } });

console.log(
  JSON.stringify({
    id,
    listed: page.data!.jobs.map((job) => job.id),
    result: ended.data!.result,
    refused: [refused.error?.errors?.[0]?.pointer, refused.error?.status],
    unknown: unknown.error?.status,
  }),
);
