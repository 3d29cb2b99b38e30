package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"crmsync"
	"crmsync/pipeline/kafka"
)

func (p *program) dlqCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "dlq", Short: "Look at dead letters, and send them again", Args: noArgs,
		Long: `Look at dead letters, and send them again.

A dead letter is an event that the mapping or the CRM refused for good. It is
named by its place in the dead-letter topic, such as 0/17, and stays there until
the topic's retention drops it, also after it was sent again.`,
		Example: `  crmsync dlq list --group-by reason
  crmsync dlq list --org acme --since 2h
  crmsync dlq show 0/17
  crmsync dlq replay --org acme --reason bad_value --dry-run`,
	}
	c.AddCommand(p.dlqListCommand(), p.dlqShowCommand(), p.dlqReplayCommand())
	return c
}

// selection says which dead letters are meant.
type selection struct {
	entries                                                   []string
	org, provider, connection, record, reason, mapping, since string
	open                                                      bool
}

func (s *selection) flags(f *pflag.FlagSet) {
	f.StringVar(&s.org, "org", "", "only those of this `org`")
	f.StringVar(&s.provider, "provider", "", "only those on their way to this `provider`")
	f.StringVar(&s.connection, "connection", "", "only those on their way to this `connection` of their org")
	f.StringVar(&s.record, "record", "", "only those of this record: `org/type/id`")
	f.StringVar(&s.reason, "reason", "", "only those with this reason `code`, such as invalid_json")
	f.StringVar(&s.mapping, "mapping", "", "only those that this mapping `file` is to blame for")
	f.StringVar(&s.since, "since", "", "only those given up since then: 2h, 7d or 2026-11-22T10:00:00Z")
	f.BoolVar(&s.open, "open", false, "only those that the CRM still lacks: not replayed well, no newer version since")
}

// any says whether anything is asked for at all.
func (s *selection) any() bool {
	return len(s.entries) > 0 || cmp.Or(s.org, s.provider, s.connection, s.record, s.reason, s.mapping, s.since) != "" || s.open
}

// maxEntries bounds how many dead letters can be named: each is looked up by itself.
const maxEntries = 100

// filters returns what to read the topic by: one filter, or one for each entry.
func (s *selection) filters(now time.Time) ([]kafka.Filter, error) {
	f := kafka.Filter{Org: s.org, Provider: s.provider, Connection: s.connection, Code: s.reason}
	var err error
	if s.record != "" {
		if f.Record, err = crmsync.ParseRecordKey(s.record); err != nil {
			return nil, usage{fmt.Errorf("--record %q: %w", s.record, err)}
		}
	}
	if f.Since, err = since(s.since, now); err != nil {
		return nil, err
	}
	if len(s.entries) == 0 {
		return []kafka.Filter{f}, nil
	}
	if len(s.entries) > maxEntries {
		return nil, usage{fmt.Errorf("%d entries are too many to name, at most %d: use filters", len(s.entries), maxEntries)}
	}
	filters := make([]kafka.Filter, len(s.entries))
	for i, text := range s.entries {
		entry, err := kafka.ParseEntry(text)
		if err != nil {
			return nil, usage{err}
		}
		filters[i] = f
		filters[i].Entry = &entry
	}
	return filters, nil
}

// since reads a time, or how long ago it was.
func since(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.Add(-time.Duration(n) * 24 * time.Hour), nil
		}
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, usage{fmt.Errorf("--since %q: give how long ago, such as 30m, 2h or 7d, or a time such as 2026-11-22T10:00:00Z", text)}
	}
	return now.Add(-ago), nil
}

// morgue is where dead letters lie, and where their records' links do.
type morgue struct {
	cfg   kafka.Config
	state stateStore // nil: nobody asks for it
}

// openMorgue reads the configuration and finds out whether Kafka answers.
func (p *program) openMorgue(ctx context.Context, s *selection) (*morgue, error) {
	c, _, err := readConfig(p.config, os.Environ())
	if err != nil {
		return nil, err
	}
	m := &morgue{}
	if m.cfg, err = c.kafka(); err != nil {
		return nil, err
	}
	if err := kafka.Check(ctx, m.cfg); err != nil {
		return nil, err
	}
	if s.open {
		m.state, err = openStore(ctx, c.State)
	}
	return m, err
}

func (m *morgue) close() error {
	if m.state == nil {
		return nil
	}
	return m.state.Close()
}

// letters returns the dead letters that are meant, in the order they lie in. An
// error ends it.
func (m *morgue) letters(ctx context.Context, s *selection, filters []kafka.Filter) iter.Seq2[kafka.Letter, error] {
	all := func(yield func(kafka.Letter, error) bool) {
		for _, f := range filters {
			found := false
			for l, err := range kafka.ReadDeadLetters(ctx, m.cfg, f) {
				found = true
				if err == nil && s.mapping != "" && !blames(&l, s.mapping) {
					continue
				}
				if !yield(l, missingTopic(err, m.cfg)) || err != nil {
					return
				}
			}
			if f.Entry != nil && !found {
				yield(kafka.Letter{}, fmt.Errorf("there is no such dead letter %s in %s; see: crmsync dlq list", f.Entry, m.cfg.DeadLetterTopic))
				return
			}
		}
	}
	if s.open {
		return unsettled(ctx, m.state, all)
	}
	return all
}

// linksAtOnce is how many letters' links are asked for in one go.
const linksAtOnce = 500

// unsettled passes on the letters that the CRM still lacks.
func unsettled(ctx context.Context, state crmsync.StateStore, letters iter.Seq2[kafka.Letter, error]) iter.Seq2[kafka.Letter, error] {
	return func(yield func(kafka.Letter, error) bool) {
		var some []kafka.Letter
		flush := func() bool {
			keys := make([]crmsync.LinkKey, len(some))
			for i, l := range some {
				keys[i] = crmsync.LinkKey{Key: l.Key, Connection: l.Connection}
			}
			links, err := state.Links(ctx, keys)
			if err != nil {
				yield(kafka.Letter{}, err)
				return false
			}
			for i, l := range some {
				settled := l.Connection != "" && (links[i].Applied >= l.Version || links[i].Dead > l.Version)
				if !settled && !yield(l, nil) {
					return false
				}
			}
			some = some[:0]
			return true
		}
		for l, err := range letters {
			if err != nil {
				yield(l, err)
				return
			}
			if some = append(some, l); len(some) == linksAtOnce && !flush() {
				return
			}
		}
		if len(some) > 0 {
			flush()
		}
	}
}

// missingTopic says what to do when there is no topic of dead letters.
func missingTopic(err error, cfg kafka.Config) error {
	if f, ok := errors.AsType[*crmsync.Fault](err); ok && f.Code == "kafka_topic_missing" {
		return fmt.Errorf("topic %s does not exist on %s: crmsync run makes it when it starts; else correct kafka.dead_letter_topic",
			cfg.DeadLetterTopic, strings.Join(cfg.Brokers, ", "))
	}
	return err
}

// blames says whether the letter blames a line of the file.
func blames(l *kafka.Letter, file string) bool {
	rest, ok := strings.CutPrefix(l.Fault.Where, file)
	return ok && (rest == "" || rest[0] == ':')
}
