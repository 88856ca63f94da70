// Connects to a pool with the npm client `xen-api` and tells on standard output, one JSON document per line, what it
// sees: every object once, then the states that hosts and tasks pass through. Ends when its standard input closes.
import { createClient } from 'xen-api'

const [url, user, password] = process.argv.slice(2)
const say = document => process.stdout.write(JSON.stringify(document) + '\n')

const xapi = createClient({
  allowUnauthorized: true,
  auth: { user, password },
  // Between two tries to reach a pool whose coordinator is away; its default is a minute.
  eventPollDelay: 300,
  url,
})

xapi.on('disconnected', () => say({ disconnected: true }))
xapi.on('eventFetchingError', error => say({ broken: String(error.code ?? error.message ?? error) }))

const tell = objects => {
  for (const object of Object.values(objects)) {
    if (object?.$type === 'host') {
      say({ host: object.name_label, enabled: object.enabled, hash: object.last_update_hash })
    } else if (object?.$type === 'task') {
      say({ task: object.name_label, status: object.status })
    }
  }
}

process.stdin.resume()
process.stdin.on('end', () => process.exit(0))

await xapi.connect()
await xapi.objectsFetched
const counts = {}
for (const object of Object.values(xapi.objects.all)) {
  counts[object.$type] = (counts[object.$type] ?? 0) + 1
}
say({ objects: counts, pool: xapi.pool.name_label })
xapi.objects.on('add', tell)
xapi.objects.on('update', tell)
