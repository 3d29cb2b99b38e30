package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/history"
	"crmsync/providers/emulator"
)

func TestCRMTakesCalls(t *testing.T) {
	start, end := time.Unix(1, 0), time.Unix(2, 0)
	wrote := func(outcome emulator.Outcome, properties ...emulator.Value) emulator.Record {
		return emulator.Record{ID: "7", UniqueProperty: "crmsync_id", UniqueValue: "r-2", Outcome: outcome, Properties: properties}
	}
	call := history.Call{
		Key: crmsync.RecordKey{Org: "o01", Type: "contact", ID: "r-2"}, Connection: connectionName, Object: "7", Began: start, Ended: end,
		Operation: crmsync.Upsert, Version: 3,
	}
	with := func(change func(*history.Call)) []history.Call {
		c := call
		change(&c)
		return []history.Call{c}
	}
	tests := []struct {
		name    string
		account string
		record  emulator.Record
		want    []history.Call
		wrong   []string
	}{
		{"created", "1001", wrote(emulator.Created, emulator.Value{Name: "jobtitle", Value: "3"}, emulator.Value{Name: "lastname", Value: "NAME 3"}),
			with(func(c *history.Call) { c.Effect = history.Created }), nil},
		{"nothing new in it", "1001", wrote(emulator.Unchanged, emulator.Value{Name: "jobtitle", Value: "3"}, emulator.Value{Name: "lastname", Value: "NAME 3"}),
			with(func(c *history.Call) { c.Effect = history.Changed }), nil},
		{"archived", "1001", wrote(emulator.Archived),
			with(func(c *history.Call) { c.Effect, c.Operation, c.Version = history.Removed, crmsync.Archive, 0 }), nil},
		{"nothing to archive", "1001", wrote(emulator.Absent),
			with(func(c *history.Call) { c.Operation, c.Version = crmsync.Archive, 0 }), nil},
		{"refused", "1001", wrote(emulator.Rejected), nil, nil},
		{"read", "1001", wrote(emulator.Found), nil, nil},
		{"the values of another version", "1001", wrote(emulator.Updated, emulator.Value{Name: "jobtitle", Value: "3"}, emulator.Value{Name: "lastname", Value: "NAME 2"}),
			with(func(c *history.Call) { c.Effect = history.Changed }), []string{`o01/contact/r-2 version 3 was written without lastname "NAME 3"`}},
		{"the account of another org", "1000", wrote(emulator.Archived),
			with(func(c *history.Call) { c.Effect, c.Operation, c.Version = history.Removed, crmsync.Archive, 0 }), []string{"a call for o01/contact/r-2 went to account 1000"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := &crm{stream: newStream(1, 2, 10)}
			c.take(&emulator.Entry{Account: test.account, Start: start, End: end, Records: []emulator.Record{test.record}})
			calls, wrong := c.seen()
			require.Equal(t, test.want, calls)
			require.Equal(t, test.wrong, wrong)
		})
	}
}
