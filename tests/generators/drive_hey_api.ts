// Submit, list and cancel with what @hey-api/openapi-ts made.
import { cancelJob, getJob, listJobs, submitJob, waitForJob } from './generated';
import { client } from './generated/client.gen';

declare const process: { argv: string[] };

client.setConfig({ baseUrl: process.argv[2] });

const submitted = await submitJob({
  body: { command: ['sleep', '300'], num_tasks: 1, duration: 600, urgency: 16, name: 'hey' },
  throwOnError: true,
});
const id = submitted.data.id;
const page = await listJobs({ query: { state: ['ACTIVE'], name: 'hey' }, throwOnError: true });
await cancelJob({ path: { id }, body: { note: 'enough' }, throwOnError: true });
const ended = await waitForJob({ path: { id }, throwOnError: true });
const refused = await submitJob({ body: { command: ['true'], num_tasks: 0 } });
const unknown = await getJob({ path: { id: 'f1' } });

console.log(
  JSON.stringify({
    id,
    listed: page.data.jobs.map((job) => job.id),
    result: ended.data.result,
    refused: [refused.error?.errors?.[0]?.pointer, refused.error?.status],
    unknown: unknown.error?.status,
  }),
);
