package kafka

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"crmsync"
)

// DeadLetters writes dead letters to a topic, and implements
// crmsync.DeadLetterQueue. An entry has the message's key and bytes; headers
// say why it is there. A letter that is larger than the topic takes is kept
// without its value, with the place of the message instead.
type DeadLetters struct{ producer *Producer }

// NewDeadLetters returns a queue that connects when it is first used. It fails
// when cfg is wrong or names files that can't be read.
func NewDeadLetters(cfg Config) (*DeadLetters, error) {
	p, err := newProducer(cfg, cfg.DeadLetterTopic)
	if err != nil {
		return nil, err
	}
	return &DeadLetters{producer: p}, nil
}

// Put is crmsync.DeadLetterQueue's. While no broker answers it waits, until ctx
// ends or Timings.Outage is over.
func (d *DeadLetters) Put(ctx context.Context, letters []crmsync.DeadLetter) error {
	p := d.producer
	entries := make([]*sarama.ProducerMessage, len(letters))
	for i := range letters {
		entries[i] = entryOf(p.topic, &letters[i])
	}
	errs, err := p.send(ctx, entries)
	var references []*sarama.ProducerMessage
	for i := range errs {
		if tooLarge(errs[i]) {
			errs[i] = nil
			references = append(references, referenceTo(p.topic, &letters[i]))
		}
	}
	doing := "write dead letters to " + p.topic
	if err := p.verdict(doing, errs, err); err != nil {
		return err
	}
	errs, err = p.send(ctx, references)
	return p.verdict(doing, errs, err)
}

// Close ends the queue as Producer.Close does.
func (d *DeadLetters) Close() error { return d.producer.Close() }

// Resend writes the messages of letters to the topic they came from once more:
// key and bytes untouched, to the same partition if it still exists. Beside the
// headers they had, crmsync.HeaderReplay names the letter's entry, and
// crmsync.HeaderVersion the version that it was given up with.
// The message behind a reference is read from its own topic; a fault of kind
// Missing says that it is not there any more, and then none is sent.
func (p *Producer) Resend(ctx context.Context, letters []Letter) error {
	out := make([]*sarama.ProducerMessage, len(letters))
	for i := range letters {
		m := letters[i].Message
		if m.Topic != p.topic {
			return &crmsync.Fault{Kind: crmsync.Rejected, Code: "foreign_topic", Err: fmt.Errorf(
				"send entry %s again: it came from topic %s, not from %s", letters[i].Entry, m.Topic, p.topic)}
		}
		if letters[i].Reference {
			original, err := readMessage(ctx, p.cfg, m.Topic, m.Partition, m.Offset)
			if err != nil {
				return err
			}
			m = original
		}
		m.Time = time.Time{} // now: retention deletes by age
		m.Headers = p.replayHeaders(&letters[i], m.Headers)
		out[i] = outgoing(p.topic, &m, m.Partition)
	}
	errs, err := p.send(ctx, out)
	return p.verdict("send messages to "+p.topic+" again", errs, err)
}

// replayHeaders returns a message's headers with those of a replay.
func (p *Producer) replayHeaders(l *Letter, headers []crmsync.Header) []crmsync.Header {
	ours := []crmsync.Header{{Key: crmsync.HeaderReplay, Value: fmt.Appendf(nil, "%s/%s", p.cfg.DeadLetterTopic, l.Entry)}}
	if l.Version > 0 {
		ours = append(ours, crmsync.Header{Key: crmsync.HeaderVersion, Value: strconv.AppendInt(nil, l.Version, 10)})
	}
	rest := slices.DeleteFunc(slices.Clone(headers), func(h crmsync.Header) bool {
		return slices.ContainsFunc(ours, func(o crmsync.Header) bool { return o.Key == h.Key })
	})
	return append(rest, ours...)
}
