package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"crmsync"
)

// packed is a message as the waiting room keeps it, all of it, so that it can
// become a dead letter with its bytes untouched.
type packed struct {
	Topic     string         `json:"topic"`
	Partition int32          `json:"partition"`
	Offset    int64          `json:"offset"`
	Key       []byte         `json:"key"`
	Value     []byte         `json:"value"` // null: a tombstone
	Time      int64          `json:"time"`  // microseconds since 1970
	Headers   []packedHeader `json:"headers,omitempty"`
}

type packedHeader struct {
	Key   []byte `json:"key"` // any bytes
	Value []byte `json:"value"`
}

// maxWaiting is how many versions of one record can wait: a delete and what
// follows it.
const maxWaiting = 2

// maxBodyBytes is more than pack makes of what the decoder lets pass.
const maxBodyBytes = 4 << 20

// maxBodyCommas bounds what a body can make JSON's decoder allocate: a few bytes
// between two commas become a message. pack writes some twenty of them, and two
// for each of at most 4,096 headers.
const maxBodyCommas = 50_000

// pack makes a Wait's body of messages. Its first byte names the form.
func pack(messages []crmsync.Message) []byte {
	all := make([]packed, len(messages))
	for i := range messages {
		m := &messages[i]
		all[i] = packed{m.Topic, m.Partition, m.Offset, m.Key, m.Value, m.Time.UnixMicro(), nil}
		for _, h := range m.Headers {
			all[i].Headers = append(all[i].Headers, packedHeader{[]byte(h.Key), h.Value})
		}
	}
	body, err := json.Marshal(all)
	if err != nil {
		panic(err) // numbers, texts and bytes: there is nothing that JSON could refuse
	}
	return append([]byte{'1'}, body...)
}

// errUnreadable says that a Wait's body is not in a form of this program.
var errUnreadable = errors.New("the waiting entry's body is damaged, or of another version of crmsync")

// unpack reads what pack wrote.
func unpack(body []byte) ([]crmsync.Message, error) {
	if len(body) == 0 || body[0] != '1' || len(body) > maxBodyBytes || bytes.Count(body, []byte{','}) > maxBodyCommas {
		return nil, errUnreadable
	}
	var all []packed
	if err := json.Unmarshal(body[1:], &all); err != nil {
		return nil, errUnreadable // JSON's own error can hold what is in the body
	}
	if len(all) == 0 || len(all) > maxWaiting {
		return nil, errUnreadable
	}
	messages := make([]crmsync.Message, len(all))
	for i, p := range all {
		if p.Topic == "" {
			return nil, errUnreadable
		}
		messages[i] = crmsync.Message{Topic: p.Topic, Partition: p.Partition, Offset: p.Offset, Key: p.Key, Value: p.Value, Time: time.UnixMicro(p.Time).UTC()}
		for _, h := range p.Headers {
			messages[i].Headers = append(messages[i].Headers, crmsync.Header{Key: string(h.Key), Value: h.Value})
		}
	}
	return messages, nil
}
