package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"crmsync"
)

// ends returns where each partition of the events ends.
func (p *plant) ends() map[int32]int64 {
	p.t.Helper()
	client, err := sarama.NewClient(p.broker.Brokers(), sarama.NewConfig())
	require.NoError(p.t, err)
	defer func() { require.NoError(p.t, client.Close()) }()
	ids, err := client.Partitions("events")
	require.NoError(p.t, err)
	ends := map[int32]int64{}
	for _, id := range ids {
		ends[id], err = client.GetOffset("events", id, sarama.OffsetNewest)
		require.NoError(p.t, err)
	}
	return ends
}

// cut makes the log of a partition begin at an offset.
func (p *plant) cut(partition int32, start int64) {
	p.t.Helper()
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_6_0_0
	admin, err := sarama.NewClusterAdmin(p.broker.Brokers(), cfg)
	require.NoError(p.t, err)
	defer func() { require.NoError(p.t, admin.Close()) }()
	require.NoError(p.t, admin.DeleteRecords("events", map[int32]int64{partition: start}))
}

// TestAcceptGap: a partition whose log was cut below what is committed is not
// read, the others are, and it goes on when an operator says so.
func TestAcceptGap(t *testing.T) {
	p := newPlant(t)
	p.produce(40, 1)
	p.well("run", "--once")
	committed := p.ends()
	p.produce(40, 2)
	ends := p.ends()
	require.Greater(t, ends[0], committed[0]+1, "partition 0 has something to lose")
	start := ends[0] - 1 // all but the last are lost
	p.cut(0, start)

	code, _, errs := p.crmsync("run", "--once")
	require.Equal(t, exitProblems, code, errs)
	require.True(t, strings.HasSuffix(errs, fmt.Sprintf(`Partition 0 was not read: all before offset %d is finished, but the log begins at offset %d, so up to %d messages are lost.
To go on from offset %[2]d: crmsync run --accept-gap 0
`, committed[0], start, start-committed[0])), errs)
	require.Contains(t, errs, fmt.Sprintf(`"committed":%d,"log_start":%d,"log_end":%d,"messages_lost_at_most":%d,"go_on_with":"crmsync run --accept-gap 0"}`,
		committed[0], start, ends[0], start-committed[0]))
	second := p.second()
	require.Equal(t, total(ends)-total(committed)-int(ends[0]-committed[0]), second, "the other partitions were read, this one was not")

	out, errs := p.well("run", "--once", "--accept-gap", "0", "--accept-gap", "3")
	require.Empty(t, out)
	require.Contains(t, errs, `"msg":"partition goes on from where the log begins; take --accept-gap away again: it would accept the next gap too","partition":0`)
	require.Contains(t, errs, `"msg":"stopped","events":1,"deliveries":1,`)
	require.Equal(t, second+1, p.second())
	_, errs = p.well("run", "--once")
	require.NotContains(t, errs, "gap")
}

// second counts the records of which the CRM holds the second version.
func (p *plant) second() (n int) {
	for _, name := range p.firstNames() {
		if name == "v2" {
			n++
		}
	}
	return n
}

func total(offsets map[int32]int64) (n int) {
	for _, o := range offsets {
		n += int(o)
	}
	return n
}

// TestGapOfADaemon: it goes on with the other partitions, and a metric tells.
func TestGapOfADaemon(t *testing.T) {
	p := newPlant(t)
	p.produce(40, 1)
	p.well("run", "--once")
	committed := p.ends()
	p.produce(40, 2)
	ends := p.ends()
	p.cut(1, ends[1])
	ended := make(chan int, 1)
	var errs output
	go func() {
		ended <- run([]string{"--config", filepath.Join(p.dir, "crmsync.yaml"), "run"}, strings.NewReader(""), &bytes.Buffer{}, &errs)
	}()
	p.await("/metrics", http.StatusOK, "crmsync_partitions_with_gap 1")
	flow := total(ends) - total(committed) - int(ends[1]-committed[1])
	p.await("/metrics", http.StatusOK, fmt.Sprintf(`crmsync_deliveries_total{object="contacts",outcome="synced",provider="hubspot"} %d`, flow))
	p.await("/metrics", http.StatusOK, fmt.Sprintf(`crmsync_consumer_lag_offsets{partition="1"} %d`, ends[1]-committed[1]))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	require.Equal(t, exitFine, <-ended, errs.String())
}

func TestGapText(t *testing.T) {
	cases := map[string]struct {
		gap  crmsync.Gap
		want string
	}{
		"cut": {crmsync.Gap{Committed: 7, Start: 19, End: 30},
			"Partition 3 was not read: all before offset 7 is finished, but the log begins at offset 19, so up to 12 messages are lost.\nTo go on from offset 19: crmsync run --accept-gap 3"},
		"made anew": {crmsync.Gap{Committed: 7, Start: 0, End: 5},
			"Partition 3 was not read: all before offset 7 is finished, but the log ends at offset 5: the topic was made anew, and it can't be told what is lost.\nTo go on from offset 0: crmsync run --accept-gap 3"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, gapText(3, c.gap)) })
	}
}
