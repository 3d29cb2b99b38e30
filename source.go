package crmsync

import (
	"context"
	"time"
)

// Header is one header of a message.
type Header struct {
	Key   string
	Value []byte
}

// Headers that crmsync reads of a message.
const (
	// HeaderVersion states the version of a message that has no envelope to state
	// it, which is a tombstone, and of one that is sent again.
	HeaderVersion = "crmsync-version"
	// HeaderReplay marks a message that was a dead letter and is sent again, so
	// that the version gate lets it pass though it is finished. Its value tells
	// people which letter it was.
	HeaderReplay = "crmsync-replay"
)

// Message is one entry of the log, its bytes as they came. A nil Value is a
// tombstone. Who reads it must not change its bytes.
type Message struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       []byte
	Value     []byte
	Time      time.Time
	Headers   []Header
}

// Header returns the value of the first header of that name.
func (m *Message) Header(name string) (value []byte, ok bool) {
	for _, h := range m.Headers {
		if h.Key == name {
			return h.Value, true
		}
	}
	return nil, false
}

// Size returns about how many bytes the message keeps in memory.
func (m *Message) Size() int { return len(m.Key) + len(m.Value) + 64 }

// Assignment gives a partition to this member of the group, for a term, to be
// read from Offset on.
type Assignment struct {
	Partition int32
	Term      int64 // tells one assignment of a partition from the next; unique in the process
	Offset    int64 // the committed offset, or where reading starts without one
	Note      string
	End       int64 // the offset after the log's last entry at that time, -1 if unknown
	Gap       *Gap  // not nil: nothing may be read
}

// Gap says that the log no longer holds the committed offset: what lies between
// is lost to us, and only an operator may decide to go on.
type Gap struct{ Committed, Start, End int64 }

// Room is how much more of an assignment may be taken in. A source that has an
// assignment without room pauses it instead of growing.
type Room struct {
	Partition int32
	Term      int64
	Messages  int
	Bytes     int
}

// Fetch is what a poll found in one assignment. Offsets rise but may leave
// holes. End is the offset after the log's last entry. Without messages it says
// that all before End has been brought.
type Fetch struct {
	Partition int32
	Term      int64
	Messages  []Message
	End       int64
}

// News is what a poll brings. Revoked partitions wait to be released; Lost ones
// may have another owner already.
type News struct {
	Assigned      []Assignment
	Revoked, Lost []int32
	Fetched       []Fetch
}

// Mark says that all of an assignment before Offset is finished. Note is left
// beside it, at most 4,000 characters.
type Mark struct {
	Partition int32
	Term      int64
	Offset    int64
	Note      string
}

// Source is the log as one member of a consumer group sees it. Its methods may
// be called at the same time, each by one caller. Once an assignment's term is
// over it brings no message, and a mark or release for it has no effect.
type Source interface {
	// Poll answers as soon as there is news, and with none after a moment. It
	// takes in at most what rooms allow; an assignment without a room is paused.
	// A Fault of kind Denied or Internal ends the process, another is tried again.
	Poll(ctx context.Context, rooms []Room) (News, error)
	// Commit makes marks durable.
	Commit(ctx context.Context, marks []Mark) error
	// Release hands back revoked assignments, or gives up others.
	Release(ctx context.Context, assignments []Assignment) error
}

// Horizon tells where a log ends.
type Horizon interface {
	// Ends asks the log where each partition ends now: the offset after its last
	// entry, not one remembered from before the question.
	Ends(ctx context.Context, partitions []int32) ([]int64, error)
}
