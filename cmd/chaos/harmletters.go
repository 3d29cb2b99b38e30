package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/IBM/sarama"
)

// closingLetters takes the dead-letter topic away in two ways: it loses the only
// broker that holds it, then it takes only messages that no letter is as short
// as. Good events may go on as far as memory is bounded; no bad one may be
// dropped, and all must go on by itself.
func closingLetters(ctx context.Context, r *rig, figure int) error {
	last := r.parts.brokers - 1
	if err := r.moveLetters(ctx, int32(last+1)); err != nil {
		return err
	}
	away := time.Duration(figure) * time.Second
	// Not with KILL: Kafka gives no leader again to partitions whose only replica
	// was not shut down well.
	if err := r.parts.signal(ctx, r.parts.broker(last), "TERM"); err != nil {
		return err
	}
	if err := r.heldBack(ctx, away); err != nil {
		return err
	}
	if err := r.parts.up(ctx); err != nil {
		return err
	}
	what := fmt.Sprintf("no dead letters for %d s at %d events/s", figure, r.opt.rate)
	if err := r.recovered(ctx, what+" (topic without a leader)", time.Now()); err != nil {
		return err
	}
	if err := r.boundLetters("16"); err != nil {
		return err
	}
	if err := r.heldBack(ctx, min(away, 30*time.Second)); err != nil {
		return err
	}
	if err := r.boundLetters(strconv.Itoa(2 << 20)); err != nil {
		return err
	}
	return r.recovered(ctx, "no dead letters (all too large)", time.Now())
}

// badComes is after how long some bad event must have come.
const badComes = 5 * time.Second

// heldBack waits, and sees that the offsets do not go on as if nothing were.
func (r *rig) heldBack(ctx context.Context, d time.Duration) error {
	if err := pause(ctx, min(d, badComes)); err != nil {
		return err
	}
	ends := r.journal.ends()
	if err := pause(ctx, d-badComes); err != nil {
		return err
	}
	if s, ok := r.meter.last(time.Now().Add(-badComes)); ok && d > badComes && reached(s.committed, ends) {
		r.trouble("no dead letter could be written, and all offsets went on: bad events were dropped, or the topic still took them")
	}
	return nil
}

// moveLetters leaves the dead-letter topic to one broker.
func (r *rig) moveLetters(ctx context.Context, broker int32) error {
	return r.asAdmin(func(admin sarama.ClusterAdmin) error {
		described, err := admin.DescribeTopics([]string{r.letters()})
		if err != nil || len(described) != 1 {
			return fmt.Errorf("describe topic %s: %w", r.letters(), err)
		}
		to := make([][]int32, len(described[0].Partitions))
		for p := range to {
			to[p] = []int32{broker}
		}
		if err := admin.AlterPartitionReassignments(r.letters(), to); err != nil {
			return fmt.Errorf("move topic %s: %w", r.letters(), err)
		}
		for range 300 {
			if moved(admin, r.letters(), broker) {
				return nil
			}
			if err := pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
		return errors.New("the dead-letter topic did not move to one broker")
	})
}

// moved says whether a topic's only replicas are at one broker.
func moved(admin sarama.ClusterAdmin, topic string, broker int32) bool {
	described, err := admin.DescribeTopics([]string{topic})
	if err != nil || len(described) != 1 {
		return false
	}
	for _, p := range described[0].Partitions {
		if len(p.Replicas) != 1 || p.Replicas[0] != broker || p.Leader != broker {
			return false
		}
	}
	return true
}

// boundLetters changes how large a message the dead-letter topic takes.
func (r *rig) boundLetters(bytes string) error {
	return r.asAdmin(func(admin sarama.ClusterAdmin) error {
		err := admin.IncrementalAlterConfig(sarama.TopicResource, r.letters(), map[string]sarama.IncrementalAlterConfigsEntry{
			"max.message.bytes": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &bytes},
		}, false)
		if err != nil {
			return fmt.Errorf("change topic %s: %w", r.letters(), err)
		}
		return nil
	})
}
