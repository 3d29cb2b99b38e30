// Command oracle makes the events of the system test and judges its end. It
// knows nothing of crmsync's code: what the mapping means stands here a second
// time, in plain Go.
//
//	oracle events DIR          writes DIR/mappings, DIR/events.tsv and DIR/expected.json
//	oracle compare URL DIR     compares the emulator at URL with DIR/expected.json
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	orgs     = 50
	records  = 400 // per org
	events   = 100_000
	firstOrg = 1000 // the number of the first org's account at the emulator
)

const mapping = `version: 1
record_type: contact
provider: hubspot
object: contacts
match: {field: crmsync_id, value: record_id}
on_delete: archive
fields:
  email: lower(trim(record.email))
  firstname: record.first_name
  lastname: upper(record.last_name)
  jobtitle: '"v" + string(event.version)'
`

// expected is what the emulator must hold: per account, per record, the
// properties; nil for a record that was deleted.
type expected map[string]map[string]map[string]string

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "events":
		return write(args[1])
	case len(args) == 3 && args[0] == "compare":
		return compare(args[1], args[2])
	}
	return fmt.Errorf("want: events DIR, or compare URL DIR")
}

func write(dir string) error {
	files := map[string]string{"mappings/_global/hubspot/contact.yaml": mapping}
	for i := range orgs {
		files[fmt.Sprintf("mappings/o%02d/org.yaml", i)] =
			"version: 1\nconnections:\n  hubspot: {provider: hubspot, credential: main, plan: enterprise}\n"
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	want, err := writeEvents(filepath.Join(dir, "events.tsv"))
	if err != nil {
		return err
	}
	b, err := json.Marshal(want)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "expected.json"), b, 0o644)
}

// writeEvents writes creates, updates and deletes, some of them twice or after
// a newer version, and returns where they lead.
func writeEvents(file string) (expected, error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriter(f)
	r := rand.New(rand.NewPCG(3, 11))
	want, newest := expected{}, map[string]int{}
	for i := range events {
		org, id := r.IntN(orgs), r.IntN(records)
		record := fmt.Sprintf("o%02d/contact/c-%d", org, id)
		version := max(1, newest[record]+[]int{1, 1, 1, 1, 1, 1, 2, 0, -1}[r.IntN(9)])
		op := "update"
		if version%7 == 6 {
			op = "delete"
		}
		name := fmt.Sprintf("Name %d", version)
		fmt.Fprintf(out, "%s\t"+`{"event_id":"e-%d","org_id":"o%02d","record_type":"contact","record_id":"c-%d","version":%d,"op":%q,`+
			`"occurred_at":"2026-11-22T10:00:00Z","data":{"email":" C-%d@O%02d.example ","first_name":%q,"last_name":"Last"}}`+"\n",
			record, i, org, id, version, op, id, org, name)
		if version <= newest[record] {
			continue
		}
		newest[record] = version
		account := fmt.Sprint(firstOrg + org)
		if want[account] == nil {
			want[account] = map[string]map[string]string{}
		}
		want[account][fmt.Sprint("c-", id)] = nil
		if op != "delete" {
			want[account][fmt.Sprint("c-", id)] = map[string]string{
				"crmsync_id": fmt.Sprint("c-", id), "email": fmt.Sprintf("c-%d@o%02d.example", id, org),
				"firstname": name, "lastname": "LAST", "jobtitle": fmt.Sprint("v", version),
			}
		}
	}
	if err := out.Flush(); err != nil {
		return nil, err
	}
	return want, f.Close()
}

// held is an object as the emulator shows it.
type held struct {
	Properties map[string]string `json:"properties"`
	Archived   bool              `json:"archived"`
}

func compare(url, dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		return err
	}
	var want expected
	if err := json.Unmarshal(b, &want); err != nil {
		return err
	}
	alive, deleted, wrong := 0, 0, []string{}
	for _, account := range slices.Sorted(maps.Keys(want)) {
		objects, err := fetch(url, account)
		if err != nil {
			return err
		}
		for id, properties := range want[account] {
			if properties == nil {
				deleted++
			} else {
				alive++
			}
			if fault := judge(properties, objects[id]); fault != "" {
				wrong = append(wrong, account+"/"+id+": "+fault)
			}
			delete(objects, id)
		}
		for id := range objects {
			wrong = append(wrong, account+"/"+id+": nobody asked for it")
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("%d records are wrong:\n%s", len(wrong), strings.Join(wrong[:min(20, len(wrong))], "\n"))
	}
	fmt.Printf("%d objects as expected, %d records deleted as expected\n", alive, deleted)
	return nil
}

// judge compares the objects of one record with what they should be.
func judge(want map[string]string, got []map[string]string) string {
	switch {
	case want == nil && len(got) == 0:
		return ""
	case want == nil:
		return "should be deleted"
	case len(got) != 1:
		return fmt.Sprintf("has %d objects, should have 1", len(got))
	}
	for name, value := range want {
		if got[0][name] != value {
			return fmt.Sprintf("%s is %q, should be %q", name, got[0][name], value)
		}
	}
	return ""
}

// fetch returns an account's objects that are not archived, by record.
func fetch(url, account string) (map[string][]map[string]string, error) {
	answer, err := http.Get(url + "/_emulator/objects?type=contacts&account=" + account)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the emulator for account %s: %s %w", account, answer.Status, err)
	}
	var all struct{ Objects []held }
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("read account %s: %w", account, err)
	}
	byRecord := map[string][]map[string]string{}
	for _, o := range all.Objects {
		if !o.Archived {
			id := o.Properties["crmsync_id"]
			byRecord[id] = append(byRecord[id], o.Properties)
		}
	}
	return byRecord, nil
}
