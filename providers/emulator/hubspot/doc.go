// Package hubspot is a fake HubSpot: an HTTP server that answers like
// HubSpot's CRM object, search and property endpoints, for any number of
// portals at once, and that can be made to misbehave.
//
// It is written from what HubSpot documents and from recorded answers, and it
// knows nothing of our own HubSpot provider, so that the two can contradict
// each other. Where HubSpot's behaviour is not known, a comment that starts
// with "Not documented" says what was chosen.
//
// What it has: contacts, companies and deals (also as 0-1, 0-2, 0-3), below
// /crm/v3/ and below dated versions such as /crm/objects/2026-03/; single
// create, read, list, update and archive; batch create, read, update, upsert
// and archive; search over a delayed index; properties with unique values;
// bearer tokens with scopes; rate limits with their headers; faults by chance
// and on demand.
//
// What it has not: associations, merges, GDPR deletes, OAuth token endpoints,
// webhooks and custom objects. Those paths answer 404, and a record that asks
// for an association is refused, so that nothing is lost in silence.
//
// Everything is kept in memory. The history of all requests and their effects
// is in the log of package emulator.
package hubspot
