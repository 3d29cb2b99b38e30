package document

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// level is a type that reads itself from text.
type level int

func (l *level) UnmarshalText(text []byte) error {
	i := map[string]level{"low": 1, "high": 2}[string(text)]
	if i == 0 {
		return errors.New("use low or high")
	}
	*l = i
	return nil
}

type inner struct {
	Host string `yaml:"host"`
	Port int16  `yaml:"port"`
}

type common struct {
	Name string `yaml:"name"`
}

type settings struct {
	common  `yaml:",inline"`
	Brokers []string         `yaml:"brokers"`
	Servers map[string]inner `yaml:"servers"`
	Main    *inner           `yaml:"main"`
	Wait    time.Duration    `yaml:"wait"`
	Rate    float64          `yaml:"rate"`
	Ratio   float32          `yaml:"ratio"`
	Max     int              `yaml:"max"`
	On      bool             `yaml:"on_now"`
	Level   level            `yaml:"level"`
	Any     any              `yaml:"any"`
	Raw     *Node            `yaml:"raw"`
	Kept    string           `yaml:"kept"`
	Own     string           // no key
	Off     string           `yaml:"-"`
}

func TestDecode(t *testing.T) {
	doc := parse(t, `name: x
brokers: [a, b]
servers: {one: {host: h, port: 1}, two: {port: -2}}
main: {host: m}
wait: 1m30s
rate: 3
ratio: 0.5
max: 7
on_now: true
level: high
any: {a: [1, 2.5, null]}
raw: [x]
kept:
`)
	got := settings{Kept: "before", Own: "mine"}
	require.Empty(t, Decode(doc.Root(), &got))
	require.Equal(t, "/raw", got.Raw.Pointer())
	got.Raw = nil
	require.Equal(t, settings{
		common: common{"x"}, Brokers: []string{"a", "b"}, Servers: map[string]inner{"one": {"h", 1}, "two": {Port: -2}}, Main: &inner{Host: "m"},
		Wait: 90 * time.Second, Rate: 3, Ratio: 0.5, Max: 7, On: true, Level: 2, Any: map[string]any{"a": []any{int64(1), 2.5, nil}}, Kept: "before", Own: "mine",
	}, got)
}

func TestDecodeFaults(t *testing.T) {
	const known = "allowed: any, brokers, kept, level, main, max, name, on_now, rate, ratio, raw, servers, wait"
	tests := []struct{ name, src, want string }{
		{"unknown key", "brokerz: []", `1:1-1:8 CM102 unknown key "brokerz" [/brokerz] help: did you mean "brokers"?  ` + known + ` fix: 1:1-1:8 brokers`},
		{"a field without a key", "Own: x", `1:1-1:4 CM102 unknown key "Own" [/Own] help: ` + known},
		{"nested unknown key", "main: {hots: x}", `1:8-1:12 CM102 unknown key "hots" [/main/hots] help: did you mean "host"?  allowed: host, port fix: 1:8-1:12 host`},
		{"text", "name: 5", `1:7-1:8 CM104 "name" must be text, but is a whole number [/name] help: write '5' fix: 1:7-1:8 '5'`},
		{"whole number", "max: 1.5", `1:6-1:9 CM104 "max" must be a whole number, but is a number [/max]`},
		{"number", "rate: x", `1:7-1:8 CM104 "rate" must be a number, but is text [/rate]`},
		{"too large", "main: {port: 40000}", `1:14-1:19 CM104 "port" does not fit into 16 bits [/main/port]`},
		{"boolean", "on_now: on", `1:9-1:11 CM104 "on_now" must be true or false, but is text [/on_now] help: write true fix: 1:9-1:11 true`},
		{"list", "brokers: a", `1:10-1:11 CM104 "brokers" must be a list, but is text [/brokers] help: write [a] fix: 1:10-1:11 [a]`},
		{"item", "brokers: [a, 2]", `1:14-1:15 CM104 item 2 of "brokers" must be text, but is a whole number [/brokers/1] help: write '2' fix: 1:14-1:15 '2'`},
		{"mapping", "servers: [a]", `1:10-1:13 CM104 "servers" must be a mapping, but is a list [/servers]`},
		{"pointer", "main: x", `1:7-1:8 CM104 "main" must be a mapping, but is text [/main]`},
		{"length of time", "wait: 5 minutes", `1:7-1:16 CM104 "wait" is not a length of time [/wait] help: write it like 500ms, 30s, 5m or 2h`},
		{"number for a length of time", "wait: 5", `1:7-1:8 CM104 "wait" is not a length of time [/wait] help: write it like 500ms, 30s, 5m or 2h`},
		{"text that a type refuses", "level: mid", `1:8-1:11 CM104 "level" is refused: use low or high [/level]`},
		{"no text for such a type", "level: [low]", `1:8-1:13 CM104 "level" must be text, but is a list [/level]`},
		{"the file", "[]", `1:1-1:3 CM104 the file must be a mapping, but is a list []`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, []string{tt.want}, told(Decode(parse(t, tt.src).Root(), &settings{})))
		})
	}
}

func TestDecodeAfterRefusal(t *testing.T) {
	doc, ds := Parse("f.yaml", []byte("max: 012\nname: y\n"), Limits{})
	require.Len(t, ds, 1)
	var got settings
	require.Empty(t, Decode(doc.Root(), &got), "told already")
	require.Equal(t, "y", got.Name)
}

func TestDecodeInto(t *testing.T) {
	root := parse(t, "a: {1x: 2}").Root()
	require.PanicsWithValue(t, "document: Decode into document.settings", func() { _ = Decode(root, settings{}) })
	require.PanicsWithValue(t, "document: Decode into a field of type chan int", func() {
		_ = Decode(root, &struct {
			A chan int `yaml:"a"`
		}{})
	})
	require.PanicsWithValue(t, "document: Decode into a field of type map[int]int", func() {
		_ = Decode(root, &struct {
			A map[int]int `yaml:"a"`
		}{})
	})
}
