package kafka

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"crmsync"
)

// The headers of an entry in the dead-letter topic. The value and key are the
// message's own, the entry's time is when it was written. A header of the
// message itself follows under its name behind headerOriginal.
//
// No header holds a personal datum but headerMessage, which may quote the CRM's
// answer; the topic must be as well protected as the topic of the events.
const (
	headerKind       = "crmsync-kind"       // crmsync.Kind
	headerCode       = "crmsync-code"       // crmsync.Fault.Code
	headerMessage    = "crmsync-message"    // crmsync.Fault.Message, its first 500 bytes
	headerWhere      = "crmsync-mapping"    // file:line:col in the mapping
	headerField      = "crmsync-field"      // the CRM's field
	headerExisting   = "crmsync-existing"   // id of the object in the way
	headerProvider   = "crmsync-provider"   //
	headerConnection = "crmsync-connection" //
	headerRecord     = "crmsync-record"     // org/type/id
	headerVersion    = "crmsync-version"    //
	headerAttempts   = "crmsync-attempts"   //
	headerAt         = "crmsync-at"         // when it was given up, RFC 3339
	headerTopic      = "crmsync-topic"      // where the message was read …
	headerPartition  = "crmsync-partition"  //
	headerOffset     = "crmsync-offset"     //
	headerTime       = "crmsync-time"       // … and the time it had there, RFC 3339
	headerReference  = "crmsync-reference"  // "true": the value tells where the message is, it was too large
	headerOriginal   = "header."
)

// How many bytes of a text go into a header, so that a letter's own headers
// always fit into what EnsureTopics leaves for them.
const (
	maxMessageText = 500
	maxHeaderText  = 4000
)

// Entry is a place in the dead-letter topic.
type Entry struct {
	Partition int32
	Offset    int64
}

// String returns "partition/offset", by which people name an entry.
func (e Entry) String() string { return fmt.Sprintf("%d/%d", e.Partition, e.Offset) }

// ParseEntry reads what String writes.
func ParseEntry(text string) (Entry, error) {
	left, right, _ := strings.Cut(text, "/")
	partition, err := strconv.ParseInt(left, 10, 32)
	offset, err2 := strconv.ParseInt(right, 10, 64)
	if err != nil || err2 != nil || partition < 0 || offset < 0 {
		return Entry{}, fmt.Errorf("entry %q of the dead-letter topic: give partition/offset, such as 0/17", text)
	}
	return Entry{Partition: int32(partition), Offset: offset}, nil
}

// Letter is a dead letter as the topic keeps it. Its Message has the place and
// headers it was read with.
type Letter struct {
	crmsync.DeadLetter
	Entry Entry
	// Reference says that Message.Value is not there: the message was too large.
	// It may still be in its own topic.
	Reference bool
}

// reference is the value of an entry without its message. It is not empty,
// because a value of nil means a deletion to others.
type reference struct {
	Reference bool   `json:"crmsync_reference"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Bytes     int    `json:"bytes"`
}

// entryOf returns what is written for a letter.
func entryOf(topic string, l *crmsync.DeadLetter) *sarama.ProducerMessage {
	out := outgoing(topic, &crmsync.Message{Key: l.Message.Key, Value: l.Message.Value}, anyPartition)
	out.Headers = append(letterHeaders(l), originalHeaders(l)...)
	return out
}

// referenceTo returns what is written for a letter that is too large: its
// headers, and where the message is. Key and headers of the message are kept
// unless they are what is large.
func referenceTo(topic string, l *crmsync.DeadLetter) *sarama.ProducerMessage {
	const large = 12 << 10
	m := &l.Message
	// A struct of these types can't fail to encode.
	value, _ := json.Marshal(reference{Reference: true, Topic: shorten(m.Topic, maxHeaderText), Partition: m.Partition, Offset: m.Offset, Bytes: len(m.Value)})
	short := crmsync.Message{Key: m.Key, Value: value}
	if len(m.Key) > large {
		short.Key = nil
	}
	out := outgoing(topic, &short, anyPartition)
	out.Headers = append(letterHeaders(l), header(headerReference, "true"))
	size, originals := 0, originalHeaders(l)
	for _, h := range originals {
		size += len(h.Key) + len(h.Value)
	}
	if size <= large {
		out.Headers = append(out.Headers, originals...)
	}
	return out
}

func originalHeaders(l *crmsync.DeadLetter) []sarama.RecordHeader {
	headers := make([]sarama.RecordHeader, len(l.Message.Headers))
	for i, h := range l.Message.Headers {
		headers[i] = sarama.RecordHeader{Key: []byte(headerOriginal + h.Key), Value: h.Value}
	}
	return headers
}

func header(name, value string) sarama.RecordHeader {
	return sarama.RecordHeader{Key: []byte(name), Value: []byte(value)}
}

func letterHeaders(l *crmsync.DeadLetter) []sarama.RecordHeader {
	f := l.Fault
	if f == nil {
		f = &crmsync.Fault{}
	}
	headers := []sarama.RecordHeader{
		header(headerKind, f.Kind.String()),
		header(headerTopic, shorten(l.Message.Topic, maxHeaderText)),
		header(headerPartition, strconv.Itoa(int(l.Message.Partition))),
		header(headerOffset, strconv.FormatInt(l.Message.Offset, 10)),
		header(headerAttempts, strconv.Itoa(l.Attempts)),
		header(headerVersion, strconv.FormatInt(l.Version, 10)),
	}
	record := ""
	if l.Key != (crmsync.RecordKey{}) {
		record = l.Key.String()
	}
	for _, optional := range [...]struct{ name, value string }{
		{headerCode, f.Code},
		{headerMessage, shorten(f.Message, maxMessageText)},
		{headerWhere, f.Where},
		{headerField, f.Field},
		{headerExisting, f.ExistingID},
		{headerProvider, l.Provider},
		{headerConnection, l.Connection},
		{headerRecord, record},
		{headerAt, timeText(l.At)},
		{headerTime, timeText(l.Message.Time)},
	} {
		if optional.value != "" {
			headers = append(headers, header(optional.name, shorten(optional.value, maxHeaderText)))
		}
	}
	return headers
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// shorten cuts text to so many bytes, between two characters.
func shorten(text string, size int) string {
	if len(text) <= size {
		return text
	}
	const dots = "…"
	return strings.ToValidUTF8(text[:size-len(dots)], "") + dots
}

// letterOf reads an entry. An entry that others wrote has a fault with the code
// foreign_entry, and its own place instead of a message's.
func letterOf(m *sarama.ConsumerMessage) Letter {
	l := Letter{Entry: Entry{Partition: m.Partition, Offset: m.Offset}}
	l.Message = crmsync.Message{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Key: m.Key, Value: m.Value, Time: m.Timestamp}
	own := map[string]string{}
	for _, h := range m.Headers {
		if name, ok := strings.CutPrefix(string(h.Key), headerOriginal); ok {
			l.Message.Headers = append(l.Message.Headers, crmsync.Header{Key: name, Value: h.Value})
		} else {
			own[string(h.Key)] = string(h.Value)
		}
	}
	if err := l.read(own); err != nil {
		l.Message.Headers = headersOf(m.Headers)
		l.Fault = &crmsync.Fault{Kind: crmsync.Internal, Code: "foreign_entry", Err: err}
	}
	return l
}

// read fills l from the headers; it changes nothing when they are not ours.
func (l *Letter) read(own map[string]string) error {
	kind, ok := crmsync.ParseKind(own[headerKind])
	if !ok {
		return fmt.Errorf("header %s: no such kind", headerKind)
	}
	var errs []error
	check := func(name string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("header %s: %w", name, err))
		}
	}
	number := func(name string, bits int) int64 {
		n, err := strconv.ParseInt(cmp.Or(own[name], "0"), 10, bits)
		check(name, err)
		return n
	}
	moment := func(name string) time.Time {
		if own[name] == "" {
			return time.Time{}
		}
		t, err := time.Parse(time.RFC3339Nano, own[name])
		check(name, err)
		return t
	}
	partition, offset, attempts := number(headerPartition, 32), number(headerOffset, 64), number(headerAttempts, 32)
	version, at, sent := number(headerVersion, 64), moment(headerAt), moment(headerTime)
	if own[headerTopic] == "" {
		errs = append(errs, fmt.Errorf("header %s is missing", headerTopic))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	l.Message.Topic, l.Message.Partition, l.Message.Offset = own[headerTopic], int32(partition), offset
	l.Message.Time, l.At, l.Version, l.Attempts = sent, at, version, int(attempts)
	l.Key, _ = crmsync.ParseRecordKey(own[headerRecord]) // zero without one
	l.Provider, l.Connection = own[headerProvider], own[headerConnection]
	l.Fault = &crmsync.Fault{
		Kind: kind, Code: own[headerCode], Message: own[headerMessage],
		Where: own[headerWhere], Field: own[headerField], ExistingID: own[headerExisting],
	}
	if l.Reference = own[headerReference] == "true"; l.Reference {
		l.Message.Value = nil
	}
	return nil
}
