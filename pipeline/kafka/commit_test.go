package kafka_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"crmsync"
)

// TestCommitRefused meets the refusals of a coordinator.
func TestCommitRefused(t *testing.T) {
	tests := []struct {
		name  string
		err   *kerr.Error
		count int
		want  string // empty: it is tried again and passes
		kind  crmsync.Kind
	}{
		{"the group is sharing out partitions", kerr.RebalanceInProgress, 3, "", 0},
		{"the generation has changed", kerr.IllegalGeneration, 2, "", 0},
		{"the coordinator moves", kerr.NotCoordinator, 2, "", 0},
		{"the coordinator loads", kerr.CoordinatorLoadInProgress, 2, "", 0},
		{"the member is not known", kerr.UnknownMemberID, 1, "transient kafka_not_a_member: commit to group GROUP: partitions [0]: ", crmsync.Transient},
		{"the group may not be used", kerr.GroupAuthorizationFailed, 1, "denied kafka_not_authorized: commit to group GROUP: partitions [0]: ", crmsync.Denied},
		{"the note is too long", kerr.OffsetMetadataTooLarge, 1, "internal note_too_long: commit to group GROUP: partitions [0]: ", crmsync.Internal},
		{"the instance is fenced", kerr.FencedInstanceID, 1, "denied fenced_instance: another process has joined group GROUP", crmsync.Denied},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, broker := embeddedServer(t)
			cfg := s.config(t)
			s.createTopic(t, cfg.Topic, 1, nil)
			s.write(t, cfg.Topic, values(0, 3, 0)...)
			r := newReader(t, s.openSource(t, cfg))
			until(t, "the messages", func() bool { return r.count() == 3 }, r)
			handle := broker.Cluster().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: test.err, Count: test.count})
			err := r.source.Commit(t.Context(), []crmsync.Mark{r.mark(0)})
			require.Equal(t, int64(test.count), int64(handle.Hits()))
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, int64(3), r.source.Lag()[0].Committed)
				return
			}
			require.ErrorContains(t, err, strings.ReplaceAll(test.want, "GROUP", cfg.Group))
			require.Equal(t, test.kind, crmsync.KindOf(err))
			require.Equal(t, int64(-1), r.source.Lag()[0].Committed)
		})
	}
}

func TestCommitNoteTooLong(t *testing.T) {
	s, _ := embeddedServer(t)
	source := s.openSource(t, s.config(t))
	err := source.Commit(t.Context(), []crmsync.Mark{{Partition: 3, Note: strings.Repeat("ä", 4001)}})
	require.EqualError(t, err, "internal note_too_long: commit partition 3: its note has 4001 characters, 4000 may be")
	require.NoError(t, source.Commit(t.Context(), []crmsync.Mark{{Partition: 3, Note: strings.Repeat("ä", 4000)}}), "no such term")
}
