package expr

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/valyala/fastjson"
)

// The bounds of what AppendJSON writes for one value. A list that holds another
// many times over is small in memory and large in text.
const (
	jsonBytes = 1 << 20
	jsonDepth = 64
)

// AppendJSON appends the value as JSON: timestamps in RFC 3339, bytes in
// base64, durations as "3.5s", maps sorted by key. In a list a missing value is
// null, in a map it is left out. It fails for a missing value, for NaN and
// infinities, for what has no JSON form, and beyond 1 MiB or 64 levels.
func (v Value) AppendJSON(dst []byte) ([]byte, error) {
	if v.IsMissing() {
		return dst, errors.New("write JSON: the value is missing")
	}
	w := jsonWriter{limit: len(dst) + jsonBytes}
	out := w.value(dst, v.v, 0)
	if w.err != nil {
		return dst, w.err
	}
	return out, nil
}

type jsonWriter struct {
	limit int
	err   error
}

func (w *jsonWriter) value(dst []byte, v ref.Val, depth int) []byte {
	if w.err != nil {
		return dst
	}
	if w.beyond(dst, depth) {
		return dst
	}
	switch x := v.(type) {
	case types.String:
		return AppendString(dst, string(x))
	case types.Int:
		return strconv.AppendInt(dst, int64(x), 10)
	case types.Double:
		return w.float(dst, float64(x))
	case types.Bool:
		return strconv.AppendBool(dst, bool(x))
	case types.Null, *missing:
		return append(dst, "null"...)
	case types.Timestamp:
		dst = append(dst, '"')
		dst = x.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
		return append(dst, '"')
	case types.Uint:
		return strconv.AppendUint(dst, uint64(x), 10)
	case types.Duration:
		return AppendString(dst, durationText(x.Duration))
	case types.Bytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, x)
		return append(dst, '"')
	case *object:
		return w.parsed(dst, x.json(), depth)
	case *types.Optional:
		if !x.HasValue() {
			return append(dst, "null"...)
		}
		return w.value(dst, x.GetValue(), depth+1)
	case traits.Lister:
		return w.list(dst, x, depth)
	case traits.Mapper:
		return w.entries(dst, x, depth)
	}
	w.err = errors.New("write JSON: a value of this type has no JSON form")
	return dst
}

// float writes a number as JSON allows it, in the shortest form.
func (w *jsonWriter) float(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.err = errors.New("write JSON: the number is not finite")
		return dst
	}
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// parsed writes JSON that was parsed. The parser lets broken numbers and
// strings through, so all is written anew but the digits of numbers.
func (w *jsonWriter) parsed(dst []byte, v *fastjson.Value, depth int) []byte {
	if w.err != nil || w.beyond(dst, depth) {
		return dst
	}
	switch v.Type() {
	case fastjson.TypeObject:
		obj, _ := v.Object()
		dst = append(dst, '{')
		obj.Visit(func(key []byte, entry *fastjson.Value) {
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			dst = w.parsed(append(AppendString(dst, alias(key)), ':'), entry, depth+1)
		})
		return append(dst, '}')
	case fastjson.TypeArray:
		items, _ := v.Array()
		dst = append(dst, '[')
		for i, item := range items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = w.parsed(dst, item, depth+1)
		}
		return append(dst, ']')
	case fastjson.TypeString:
		text, _ := v.StringBytes()
		return AppendString(dst, alias(text))
	case fastjson.TypeNumber:
		start := len(dst)
		if dst = v.MarshalTo(dst); !json.Valid(dst[start:]) {
			w.err = errors.New("write JSON: the data has a number that JSON does not allow")
		}
		return dst
	}
	return v.MarshalTo(dst)
}

// beyond tells that the result is too large, and notes it.
func (w *jsonWriter) beyond(dst []byte, depth int) bool {
	if len(dst) > w.limit || depth > jsonDepth {
		w.err = costlyf("the result is larger than 1 MiB, or nested deeper than %d", jsonDepth)
	}
	return w.err != nil
}

func (w *jsonWriter) list(dst []byte, list traits.Lister, depth int) []byte {
	dst = append(dst, '[')
	first := true
	for it := list.Iterator(); it.HasNext() == types.True && w.err == nil; {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = w.value(dst, it.Next(), depth+1)
	}
	return append(dst, ']')
}

func (w *jsonWriter) entries(dst []byte, m traits.Mapper, depth int) []byte {
	dst = append(dst, '{')
	first := true
	for _, key := range (Value{m}).keys() {
		v, _ := m.Find(types.String(key))
		if entry := result(v); !entry.IsMissing() {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(AppendString(dst, key), ':')
			dst = w.value(dst, entry.v, depth+1)
		}
	}
	if n, _ := m.Size().(types.Int); int(n) != len((Value{m}).keys()) {
		w.err = errors.New("write JSON: the keys of a map must be strings")
	}
	return append(dst, '}')
}

// keys returns the string keys of a map, sorted.
func (v Value) keys() []string {
	var keys []string
	for key := range v.Entries() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscaped(dst, c)
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if c >= utf8.RuneSelf {
		return append(dst, "\ufffd"...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// durationText writes seconds, as in "3.5s".
func durationText(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}
