package expr

import (
	"math"
	"strings"
	"time"
	_ "time/tzdata" // time zones must not depend on the machine

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// dateFunctions read and write points in time. All count in UTC unless a zone
// is given; none knows what time it is.
func dateFunctions() []*function {
	ts, text := types.TimestampType, maybeText()
	return []*function{
		{
			name: "parseDate", group: "dates", params: []string{"s", "layout"}, nulls: nullBlank, weight: 60, variadic: parseDate, literal: badLayout,
			doc:       "A timestamp from text in a layout such as \"dd/MM/yyyy HH:mm\"; without layout RFC 3339 or yyyy-MM-dd. Null for blank text, a fault for anything else.",
			overloads: []overload{on(ts, text, types.StringType), on(ts, text)},
			examples: []Example{
				{`parseDate("31/12/2026", "dd/MM/yyyy")`, `"2026-12-31T00:00:00Z"`}, {`parseDate("2026-12-31")`, `"2026-12-31T00:00:00Z"`}, {`parseDate("1 Mar 2026", "d MMM yyyy")`, `"2026-03-01T00:00:00Z"`},
				{`parseDate("", "dd/MM/yyyy")`, `null`}, {`parseDate(null)`, `null`}, {`parseDate("12/31/2026", "dd/MM/yyyy")`, `fault: parseDate: the text is no date in the layout dd/MM/yyyy`},
			},
		},
		{
			name: "formatDate", group: "dates", params: []string{"t", "layout", "zone"}, nulls: nullFirst, result: size{fixed: 128}, weight: 60, variadic: formatDate, literal: badFormat,
			doc:       "t as text in a layout: yyyy yy, M MM MMM MMMM, d dd, EEE EEEE, H HH, h hh, m mm, s ss, SSS, a, XXX; letters that are no pattern go in 'quotes'. In UTC, or in a zone such as \"Europe/Stockholm\".",
			overloads: []overload{on(text, ts, types.StringType), on(text, ts, types.StringType, types.StringType)},
			examples: []Example{
				{`formatDate(timestamp("2026-03-01T09:05:00Z"), "yyyy-MM-dd")`, `"2026-03-01"`}, {`formatDate(timestamp("2026-03-01T23:30:00Z"), "d MMM yyyy HH:mm", "Europe/Stockholm")`, `"2 Mar 2026 00:30"`},
				{`formatDate(timestamp("2026-03-01T09:05:00Z"), "yyyy-MM-dd'T'HH:mm:ssXXX")`, `"2026-03-01T09:05:00Z"`}, {`formatDate(null, "yyyy")`, `null`},
			},
		},
		{
			name: "isoDate", group: "dates", params: []string{"t"}, nulls: nullFirst, result: size{fixed: 10}, weight: 10, unary: isoDate,
			doc:       "The day of t in UTC, as 2026-01-31.",
			overloads: []overload{on(text, ts)},
			examples:  []Example{{`isoDate(timestamp("2026-03-01T09:05:00+02:00"))`, `"2026-03-01"`}, {`isoDate(null)`, `null`}},
		},
		{
			name: "epochMillis", group: "dates", params: []string{"t"}, nulls: nullFirst, weight: 5, unary: epochMillis,
			doc:       "Milliseconds from 1970-01-01 UTC to t.",
			overloads: []overload{on(maybe(types.IntType), ts)},
			examples:  []Example{{`epochMillis(timestamp("2026-01-01T00:00:00Z"))`, `1767225600000`}, {`epochMillis(null)`, `null`}},
		},
		{
			name: "fromEpochMillis", group: "dates", params: []string{"n"}, nulls: nullFirst, weight: 5, unary: fromEpochMillis,
			doc:       "The timestamp that many milliseconds after 1970-01-01 UTC.",
			overloads: []overload{on(ts, maybe(types.IntType))},
			examples:  []Example{{`fromEpochMillis(1767225600000)`, `"2026-01-01T00:00:00Z"`}, {`fromEpochMillis(null)`, `null`}},
		},
		{
			name: "addDays", group: "dates", params: []string{"t", "n"}, nulls: nullFirst, weight: 5, binary: addDays,
			doc:       "t and n days of 24 hours.",
			overloads: []overload{on(ts, ts, types.IntType)},
			examples:  []Example{{`addDays(timestamp("2026-01-31T00:00:00Z"), 1)`, `"2026-02-01T00:00:00Z"`}, {`addDays(null, 1)`, `null`}},
		},
		{
			name: "daysBetween", group: "dates", params: []string{"from", "to"}, nulls: nullSome, weight: 5, binary: daysBetween,
			doc:       "Whole days of 24 hours from one timestamp to another; negative if to is earlier.",
			overloads: []overload{on(maybe(types.IntType), ts, ts)},
			examples:  []Example{{`daysBetween(timestamp("2026-01-01T00:00:00Z"), timestamp("2026-02-01T23:00:00Z"))`, `31`}, {`daysBetween(null, timestamp("2026-02-01T00:00:00Z"))`, `null`}},
		},
	}
}

func parseDate(args ...ref.Val) ref.Val {
	s, ok := args[0].(types.String)
	if !ok {
		if _, already := args[0].(types.Timestamp); already {
			return args[0]
		}
		return notText("parseDate", args[0])
	}
	text := strings.TrimSpace(string(s))
	if text == "" {
		return types.NullValue
	}
	if len(args) == 1 {
		return parseAny(text)
	}
	written, _ := args[1].(types.String)
	layout, problem := goLayout(string(written))
	if problem != "" {
		return refuse("parseDate: the layout %s", problem)
	}
	t, err := time.Parse(layout, text)
	if err != nil || !inRange(t) {
		return refuse("parseDate: the text is no date in the layout %s", shownLayout(string(written)))
	}
	return types.Timestamp{Time: t}
}

func parseAny(text string) ref.Val {
	for _, layout := range [...]string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && inRange(t) {
			return types.Timestamp{Time: t}
		}
	}
	return refuse("parseDate: the text is no date such as 2026-01-31 or 2026-01-31T12:00:00Z")
}

// inRange tells whether CEL can hold t.
func inRange(t time.Time) bool { return t.UTC().Year() >= 1 && t.UTC().Year() <= 9999 }

// moment returns a timestamp, or what to give instead.
func moment(name string, v ref.Val) (t time.Time, instead ref.Val) {
	if x, ok := v.(types.Timestamp); ok {
		return x.UTC(), nil
	}
	if isNothing(v) {
		return t, v
	}
	return t, wrongType(name, "a timestamp", v)
}

func formatDate(args ...ref.Val) ref.Val {
	t, instead := moment("formatDate", args[0])
	if instead != nil {
		return instead
	}
	written, _ := args[1].(types.String)
	layout, problem := goLayout(string(written))
	if problem != "" {
		return refuse("formatDate: the layout %s", problem)
	}
	if len(args) == 3 {
		zone, _ := args[2].(types.String)
		place, err := time.LoadLocation(string(zone))
		if err != nil || zone == "" || zone == "Local" {
			return refuse("formatDate: there is no such time zone; write one such as Europe/Stockholm")
		}
		t = t.In(place)
	}
	return types.String(t.Format(layout))
}

func isoDate(v ref.Val) ref.Val {
	t, instead := moment("isoDate", v)
	if instead != nil {
		return instead
	}
	return types.String(t.Format(time.DateOnly))
}

func epochMillis(v ref.Val) ref.Val {
	t, instead := moment("epochMillis", v)
	if instead != nil {
		return instead
	}
	return types.Int(t.UnixMilli())
}

func fromEpochMillis(v ref.Val) ref.Val {
	n, ok := v.(types.Int)
	if !ok {
		if isNothing(v) {
			return v
		}
		return wrongType("fromEpochMillis", "an integer", v)
	}
	t := time.UnixMilli(int64(n)).UTC()
	if !inRange(t) {
		return refuse("fromEpochMillis: the year is not between 1 and 9999")
	}
	return types.Timestamp{Time: t}
}

func addDays(v, n ref.Val) ref.Val {
	t, instead := moment("addDays", v)
	if instead != nil {
		return instead
	}
	days, ok := n.(types.Int)
	if !ok {
		return wrongType("addDays", "a number of days that is an integer", n)
	}
	if math.Abs(float64(days)) > 4e6 {
		return refuse("addDays: the year is not between 1 and 9999")
	}
	if t = t.AddDate(0, 0, int(days)); !inRange(t) {
		return refuse("addDays: the year is not between 1 and 9999")
	}
	return types.Timestamp{Time: t}
}

func daysBetween(from, to ref.Val) ref.Val {
	a, instead := moment("daysBetween", from)
	if instead != nil {
		return instead
	}
	b, instead := moment("daysBetween", to)
	if instead != nil {
		return instead
	}
	return types.Int((b.Unix() - a.Unix()) / (24 * 60 * 60))
}
