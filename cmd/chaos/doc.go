// Command chaos does harm to crmsync on real servers and judges what is left.
//
// It starts Kafka, PostgreSQL and Redis (.ci/parts, a set of its own), a fake
// CRM in a process of its own and three processes of the daemon, with a
// toxiproxy between the daemons and each of the four. A producer writes events
// of many orgs at a steady rate while a scenario kills, stops, cuts off and
// restarts. Then all harm ends, the daemons finish what is left, and package
// history judges the events, the CRM's log, the state rows, the dead letters
// and the committed offsets.
//
//	main.go scenario.go options.go   what is run, and with which figures
//	kin.go parts.go front.go         processes, servers, proxies
//	rig.go fleet.go crm.go           one run: its topic, database, daemons, fake CRM
//	stream.go feed.go journal.go     the events and what became of them in Kafka
//	meter.go                         how far the daemons are, and when they are steady
//	harm*.go                         the scenarios
//	evidence.go report.go            the verdict
//
// It owns no opinion of what is right: that is package history's. It knows of
// the daemon only what an operator knows: its configuration, its commands, its
// probes.
package main
