package kafka

import (
	"bytes"
	"time"

	"github.com/IBM/sarama"

	"crmsync"
)

// state is how far a claim is.
type state uint8

const (
	starting state = iota // its offsets are being looked up
	ready                 // Poll has not told of it yet
	open                  // assigned
	revoked               // waits to be released
	over                  // its term is over
)

// claim is one partition for one term. Its goroutine is sarama's ConsumeClaim
// and does intake only: it never waits for anybody else, because sarama would
// hold up all partitions of the same broker. Source.mu guards its fields.
type claim struct {
	source     *Source
	member     *member
	session    sarama.ConsumerGroupSession
	log        sarama.ConsumerGroupClaim
	partition  int32
	over       chan struct{} // closed when the term is over
	assignment crmsync.Assignment

	state     state
	paused    bool
	buffer    []crmsync.Message
	bytes     int       // of the buffer
	position  int64     // the next offset to hand out
	committed int64     // -1: none
	end       int64     // the log's, when it was last asked for
	idle      int       // polls in a row without a message
	seen      int64     // the log's end as sarama knew it at the last watch …
	since     time.Time // … and since when
}

// ConsumeClaim takes in one partition from its assignment to its end.
func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, log sarama.ConsumerGroupClaim) error {
	c := m.open(session, log)
	if c == nil {
		return nil
	}
	m.source.work.Go(c.lookUp)
	c.takeIn()
	c.leave()
	return nil
}

// open begins a term; nil when the member doesn't count any more.
func (m *member) open(session sarama.ConsumerGroupSession, log sarama.ConsumerGroupClaim) *claim {
	s := m.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.member != m {
		return nil
	}
	if old := s.claims[log.Partition()]; old != nil {
		s.lose(old)
	}
	s.terms++
	c := &claim{
		source: s, member: m, session: session, log: log, partition: log.Partition(),
		over:       make(chan struct{}),
		assignment: crmsync.Assignment{Partition: log.Partition(), Term: s.terms},
	}
	s.claims[c.partition] = c
	c.paused = true // a pause outlives the claim it was made for
	c.pause(false)
	return c
}

// takeIn moves messages into the buffer until the claim ends.
func (c *claim) takeIn() {
	for {
		select {
		case <-c.over:
			return
		case <-c.session.Context().Done():
			return
		case m, ok := <-c.log.Messages():
			if !ok {
				return
			}
			c.store(m)
		}
	}
}

func (c *claim) store(m *sarama.ConsumerMessage) {
	key, value := own(m.Key, m.Value)
	message := crmsync.Message{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset,
		Key: key, Value: value, Time: m.Timestamp, Headers: headersOf(m.Headers),
	}
	s := c.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.state > open || c.assignment.Gap != nil {
		return
	}
	c.buffer = append(c.buffer, message)
	c.bytes += message.Size()
	if c.full() {
		c.pause(true)
	}
	if c.state == open {
		s.wake()
	}
}

// own copies a message's bytes. As sarama gives them they keep the whole fetch
// alive that they came in: a few held events would hold many times their size.
func own(key, value []byte) (k, v []byte) {
	all := make([]byte, 0, len(key)+len(value))
	if all = append(all, key...); key != nil {
		k = all[:len(key):len(key)]
	}
	if all = append(all, value...); value != nil {
		v = all[len(key):len(all):len(all)]
	}
	return k, v
}

func headersOf(headers []*sarama.RecordHeader) []crmsync.Header {
	if len(headers) == 0 {
		return nil
	}
	out := make([]crmsync.Header, len(headers))
	for i, h := range headers {
		out[i] = crmsync.Header{Key: string(h.Key), Value: bytes.Clone(h.Value)}
	}
	return out
}

func (c *claim) full() bool {
	return len(c.buffer) >= c.source.cfg.BufferMessages || c.bytes >= c.source.cfg.BufferBytes
}

// half says that the buffer has drained enough to be filled again.
func (c *claim) half() bool {
	return len(c.buffer) <= c.source.cfg.BufferMessages/2 && c.bytes <= c.source.cfg.BufferBytes/2
}

// take returns what the room allows. Without a room the partition is paused.
func (c *claim) take(room crmsync.Room) (crmsync.Fetch, bool) {
	if c.state != open || c.assignment.Gap != nil {
		return crmsync.Fetch{}, false
	}
	n := 0
	for bytes := 0; n < min(len(c.buffer), room.Messages); n++ {
		if bytes += c.buffer[n].Size(); bytes > room.Bytes {
			break
		}
		c.bytes -= c.buffer[n].Size()
	}
	messages := c.buffer[:n:n] // what is appended later goes behind it
	if c.buffer = c.buffer[n:]; len(c.buffer) == 0 {
		c.buffer = nil // the array is the poll's alone now
	}
	wanted := room.Messages > 0 && room.Bytes > 0
	switch {
	case !wanted || c.full():
		c.pause(true)
	case c.half():
		c.pause(false)
	}
	if n == 0 {
		return crmsync.Fetch{}, false
	}
	c.position, c.idle = messages[n-1].Offset+1, 0
	c.end = max(c.end, c.log.HighWaterMarkOffset(), c.position)
	return crmsync.Fetch{Partition: c.partition, Term: c.assignment.Term, Messages: messages, End: c.end}, true
}

// atEnd says that there is nothing more to read now. The last offsets may be
// holes, which sarama doesn't tell of: they are passed when it knows of the
// log's end and still brings nothing, for a while.
func (c *claim) atEnd(room crmsync.Room) bool {
	if c.state != open || c.assignment.Gap != nil || len(c.buffer) > 0 || c.paused || room.Messages <= 0 {
		return false
	}
	const patience = 20 // polls
	c.idle = min(c.idle+1, patience)
	c.end = max(c.end, c.log.HighWaterMarkOffset())
	return c.position >= c.end || c.idle == patience && c.log.HighWaterMarkOffset() >= c.end
}

func (c *claim) pause(paused bool) {
	if c.paused == paused {
		return
	}
	c.paused = paused
	partitions := map[string][]int32{c.log.Topic(): {c.partition}}
	if paused {
		c.member.group.Pause(partitions)
	} else {
		c.member.group.Resume(partitions)
	}
}
