package main

import (
	"fmt"
	"sync"
	"time"
)

// fact is an event that Kafka has acknowledged.
type fact struct {
	record  int32
	version int32
	class   class
	at      int64 // when it was sent, nanoseconds
}

// journal is what Kafka holds: per partition the events by offset. The topic is
// ours alone, so its offsets have no holes.
type journal struct {
	mu         sync.Mutex
	partitions [][]fact
	count      int64
}

func newJournal(partitions int) *journal {
	return &journal{partitions: make([][]fact, partitions)}
}

// add notes that an event stands at an offset.
func (j *journal) add(partition int32, offset int64, f fact) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if have := int64(len(j.partitions[partition])); offset != have {
		return fmt.Errorf("partition %d: an event was acknowledged at offset %d, expected %d: the topic is not ours alone, or the producer doubled one", partition, offset, have)
	}
	j.partitions[partition] = append(j.partitions[partition], f)
	j.count++
	return nil
}

// ends returns the offsets after the last.
func (j *journal) ends() []int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	ends := make([]int64, len(j.partitions))
	for p := range j.partitions {
		ends[p] = int64(len(j.partitions[p]))
	}
	return ends
}

// total returns how many there are.
func (j *journal) total() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.count
}

// oldest returns for how long the oldest event has waited that is not
// committed; 0: all are.
func (j *journal) oldest(committed []int64, now time.Time) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	age := time.Duration(0)
	for p, offset := range committed {
		if offset < int64(len(j.partitions[p])) {
			age = max(age, now.Sub(time.Unix(0, j.partitions[p][offset].at)))
		}
	}
	return age
}
