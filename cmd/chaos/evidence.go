package main

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"crmsync"
	"crmsync/pipeline/history"
	"crmsync/pipeline/kafka"
)

// waitingShown bounds how many waiting records are counted.
const waitingShown = 1000

// waiting returns how many records wait, up to waitingShown.
func (r *rig) waiting(ctx context.Context) (int, error) {
	links, err := r.store.Waiting(ctx, crmsync.WaitFilter{}, waitingShown)
	if err != nil {
		return 0, fmt.Errorf("ask who waits: %w", err)
	}
	return len(links), nil
}

// verdict gathers what the run left behind and has it judged.
func (r *rig) verdict(ctx context.Context) (*history.Report, error) {
	c := history.New(history.Options{Final: true, Findings: 5})
	r.giveEvents(c)
	calls, wrong := r.crm.seen()
	for i := range calls {
		c.Call(calls[i])
	}
	for _, text := range wrong[:min(len(wrong), 5)] {
		r.trouble(fmt.Sprintf("%s (one of %d)", text, len(wrong)))
	}
	if err := r.giveLinks(ctx, c); err != nil {
		return nil, err
	}
	if err := r.giveLetters(ctx, c); err != nil {
		return nil, err
	}
	err := r.asAdmin(func(admin sarama.ClusterAdmin) error {
		committed, err := committedOffsets(admin, r.topic, r.topic, partitions)
		for p, offset := range committed {
			c.Committed(int32(p), offset)
		}
		return err
	})
	return c.Report(), err
}

// giveEvents hands the journal to the checker.
func (r *rig) giveEvents(c *history.Checker) {
	ways := map[class][]history.Way{}
	for class, fate := range map[class]history.Fate{good: history.Lands, remove: history.Removes, barred: history.Dies, refused: history.Dies} {
		ways[class] = []history.Way{{Connection: connectionName, Fate: fate}}
	}
	seed := maphash.MakeSeed()
	for p, facts := range r.journal.partitions {
		for offset, f := range facts {
			e := history.Event{Partition: int32(p), Offset: int64(offset), At: time.Unix(0, f.at)}
			if f.class == broken {
				e.Broken, e.Code = true, "invalid_json"
				c.Event(e)
				continue
			}
			e.Key, e.Version, e.Ways = r.stream.key(int(f.record)), int64(f.version), ways[f.class]
			e.Hash = maphash.Comparable(seed, planned{int(f.record), int64(f.version), f.class}) | 1
			if f.class == remove {
				e.Op = crmsync.Deleted
			}
			c.Event(e)
		}
	}
}

// giveLinks hands the state rows to the checker.
func (r *rig) giveLinks(ctx context.Context, c *history.Checker) error {
	keys := make([]crmsync.LinkKey, len(r.stream.newest))
	for n := range keys {
		keys[n] = crmsync.LinkKey{Key: r.stream.key(n), Connection: connectionName}
	}
	for part := range slices.Chunk(keys, 1000) {
		links, err := r.store.Links(ctx, part)
		if err != nil {
			return fmt.Errorf("read the state rows: %w", err)
		}
		for _, l := range links {
			c.Link(l)
		}
	}
	return nil
}

// giveLetters hands the dead letters to the checker.
func (r *rig) giveLetters(ctx context.Context, c *history.Checker) error {
	config := kafka.Config{Brokers: r.parts.plain(), Topic: r.topic, DeadLetterTopic: r.letters(), Group: r.topic}
	for l, err := range kafka.ReadDeadLetters(ctx, config, kafka.Filter{}) {
		if err != nil {
			return fmt.Errorf("read the dead letters: %w", err)
		}
		c.Letter(history.Letter{
			Partition: l.Message.Partition, Offset: l.Message.Offset, Connection: l.Connection, Key: l.Key, Version: l.Version, Code: l.Fault.Code,
		})
	}
	return nil
}
