package kafka

import (
	"errors"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// sideReadTimeout bounds how long a silent broker holds up a commit. Brokers
// answer these questions within milliseconds; a fetch may take longer.
const sideReadTimeout = 3 * time.Second

// side is a member's own connection, for commits and questions: on the group's
// they would wait behind fetches. It never asks the cluster's controller, so
// that it needs no broker but the coordinator and the partitions' leaders.
type side struct{ client sarama.Client }

func newSide(addresses []string, cfg *sarama.Config) (*side, error) {
	own := *cfg
	own.Net.ReadTimeout = min(own.Net.ReadTimeout, sideReadTimeout)
	client, err := sarama.NewClient(addresses, &own)
	if err != nil {
		return nil, err
	}
	return &side{client: client}, nil
}

func (s *side) close() error { return s.client.Close() }

// committed asks for a partition's committed offset, -1 without one, and its
// note. After a failure it looks for the coordinator, for the next call.
func (s *side) committed(group, topic string, partition int32) (offset int64, note string, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.client.RefreshCoordinator(group))
		}
	}()
	coordinator, err := s.client.Coordinator(group)
	if err != nil {
		return 0, "", err
	}
	request := sarama.NewOffsetFetchRequest(s.client.Config().Version, group, map[string][]int32{topic: {partition}})
	answer, err := coordinator.FetchOffset(request)
	if err != nil {
		return 0, "", errors.Join(err, coordinator.Close())
	}
	block := answer.GetBlock(topic, partition)
	switch {
	case answer.Err != sarama.ErrNoError:
		return 0, "", answer.Err
	case block == nil:
		return 0, "", sarama.ErrIncompleteResponse
	case block.Err != sarama.ErrNoError:
		return 0, "", block.Err
	}
	return block.Offset, block.Metadata, nil
}

// bounds asks for the first offset of a partition and the one after the last.
func (s *side) bounds(topic string, partition int32) (start, end int64, err error) {
	if start, err = s.client.GetOffset(topic, partition, sarama.OffsetOldest); err != nil {
		return 0, 0, err
	}
	end, err = s.client.GetOffset(topic, partition, sarama.OffsetNewest)
	return start, end, err
}

// sideDoor holds the side that counts. A broker that accepts and doesn't answer
// costs sarama three times Timings.Read each time it is asked, so after such a
// failure the side is made anew with the addresses that answer.
type sideDoor struct {
	mu     sync.Mutex
	side   *side
	closed bool
	old    sync.WaitGroup
}

func (d *sideDoor) get() *side {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.side
}

// put replaces the side. The old one is closed in the background, because it
// may hang.
func (d *sideDoor) put(next *side) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := d.side
	if d.closed {
		last = next
	} else {
		d.side = next
	}
	if last != nil {
		d.old.Go(func() { _ = last.close() }) // it is given up because it failed
	}
}

// close closes the side and waits for those before it.
func (d *sideDoor) close() error {
	d.mu.Lock()
	d.closed = true
	last := d.side
	d.mu.Unlock()
	err := last.close()
	d.old.Wait()
	return err
}
