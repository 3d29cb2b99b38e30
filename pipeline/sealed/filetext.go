package sealed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"crmsync"
)

const (
	fileVersion = 1
	fileBytes   = 4 << 20 // some 8,000 credentials
	fileRows    = 10_000
	fileIDBytes = 4096 // of an org, a name or a key's id
)

// fileContent and fileRow are the file's JSON. The version stands first.
type fileContent struct {
	Version     int       `json:"version"`
	Credentials []fileRow `json:"credentials"`
}

type fileRow struct {
	Org       string    `json:"org"`
	Name      string    `json:"name"`
	Key       string    `json:"key"`
	Box       []byte    `json:"box"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

func encode(rows map[crmsync.CredentialID]crmsync.SealedCredential) ([]byte, error) {
	content := fileContent{Version: fileVersion, Credentials: []fileRow{}}
	for _, id := range slices.SortedFunc(maps.Keys(rows), byID) {
		row := rows[id]
		content.Credentials = append(content.Credentials, fileRow{Org: id.Org, Name: id.Name, Key: row.KeyID, Box: row.Box, UpdatedAt: row.UpdatedAt})
	}
	text, err := json.MarshalIndent(content, "", "  ")
	return append(text, '\n'), err
}

// decode reads what encode writes, and refuses everything else. It stops at the
// first thing that is wrong, so that a file of nothing but faults costs little.
func decode(text []byte) (map[crmsync.CredentialID]crmsync.SealedCredential, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	d.UseNumber()
	rows := map[crmsync.CredentialID]crmsync.SealedCredential{}
	err := readContent(d, rows)
	if _, ours := errors.AsType[refusal](err); err != nil && !ours { // JSON's own words can hold a part of the file
		err = fmt.Errorf("not a credentials file, at byte %d", d.InputOffset())
	}
	return rows, err
}

// refusal is an error in our own words.
type refusal string

// Error returns the words.
func (r refusal) Error() string { return string(r) }

var errForeign = errors.New("not a credentials file")

func readContent(d *json.Decoder, rows map[crmsync.CredentialID]crmsync.SealedCredential) error {
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	version, read := 0, false
	for d.More() {
		name, err := d.Token()
		switch {
		case err != nil:
		case name == "version" && version == 0:
			version, err = readVersion(d)
		case name == "credentials" && version == fileVersion && !read:
			read, err = true, readRows(d, rows)
		default:
			err = errForeign
		}
		if err != nil {
			return err
		}
	}
	if err := expect(d, json.Delim('}')); err != nil {
		return err
	}
	if version != fileVersion {
		return otherVersion(version)
	}
	at := d.InputOffset() + 1
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refusal(fmt.Sprintf("more than one value, at byte %d", at))
	}
	return nil
}

// readVersion reads a number without a look at what is too long for one.
func readVersion(d *json.Decoder) (int, error) {
	token, err := d.Token()
	number, ok := token.(json.Number)
	if err != nil || !ok || len(number) > 9 {
		return 0, errForeign
	}
	version, err := strconv.Atoi(number.String())
	if err == nil && version != fileVersion {
		err = otherVersion(version)
	}
	return version, err
}

func otherVersion(version int) error {
	return refusal(fmt.Sprintf("version %d, this program reads %d", version, fileVersion))
}

func readRows(d *json.Decoder, rows map[crmsync.CredentialID]crmsync.SealedCredential) error {
	if err := expect(d, json.Delim('[')); err != nil {
		return err
	}
	for d.More() {
		var row fileRow
		if err := d.Decode(&row); err != nil {
			return err
		}
		if len(rows) == fileRows || max(len(row.Org), len(row.Name), len(row.Key)) > fileIDBytes {
			return refusal(fmt.Sprintf("credential %d is one too many, or has a name of over %d bytes", len(rows)+1, fileIDBytes))
		}
		id := crmsync.CredentialID{Org: row.Org, Name: row.Name}
		if _, twice := rows[id]; twice || len(row.Box) == 0 {
			return refusal(fmt.Sprintf("credential %d, %s, is there twice or has no box", len(rows)+1, id))
		}
		rows[id] = crmsync.SealedCredential{ID: id, KeyID: row.Key, Box: row.Box, UpdatedAt: row.UpdatedAt}
	}
	return expect(d, json.Delim(']'))
}

// expect reads one token, which must be that one.
func expect(d *json.Decoder, want json.Token) error {
	if got, err := d.Token(); err != nil || got != want {
		return errForeign
	}
	return nil
}
