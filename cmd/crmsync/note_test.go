package main

import (
	"fmt"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
)

// leaveNote writes a note beside each committed offset, as another version of
// crmsync may have.
func (p *plant) leaveNote(note string) {
	p.t.Helper()
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_6_0_0
	client, err := sarama.NewClient(p.broker.Brokers(), cfg)
	require.NoError(p.t, err)
	defer func() { require.NoError(p.t, client.Close()) }()
	coordinator, err := client.Coordinator("g")
	require.NoError(p.t, err)
	request := &sarama.OffsetCommitRequest{Version: 2, ConsumerGroup: "g", ConsumerGroupGeneration: -1, RetentionTime: -1}
	for id, end := range p.ends() {
		request.AddBlock("events", id, end, sarama.ReceiveTime, note)
	}
	answer, err := coordinator.CommitOffset(request)
	require.NoError(p.t, err)
	for id, refused := range answer.Errors["events"] {
		require.Equal(p.t, sarama.ErrNoError, refused, id)
	}
}

// TestNoteOfAnotherVersion: what this version can't read counts as not left
// clean, and is told; nothing is lost by it.
func TestNoteOfAnotherVersion(t *testing.T) {
	p := newPlant(t)
	p.reconfigure("kafka", fmt.Sprintf("kafka: {brokers: [%q], topic: events, dead_letter_topic: dead, group: g}", p.broker.Brokers()[0])) // a static member would stay in the group, and nobody else may commit
	p.reconfigure("engine", "engine: {linger: 10ms, lease: 1s, send_timeout: 1s}")
	p.produce(20, 1)
	p.well("run", "--once")
	p.leaveNote("crmsync/9 epoch=1 window=20000 clean left-by=someone")
	p.produce(20, 2)
	_, errs := p.well("run", "--once")
	require.Contains(t, errs, `"level":"WARN","msg":"the note beside the committed offset is of another version of crmsync: the partition counts as not left clean","partition":0`)
	require.Contains(t, errs, `"msg":"partition was not left clean`)
	require.Equal(t, 20, p.second())
	_, errs = p.well("run", "--once")
	require.NotContains(t, errs, "another version", "our own note stands there again")
}
