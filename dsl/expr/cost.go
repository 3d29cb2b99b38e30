package expr

import (
	"strings"

	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
)

// The sizes assumed where the schema gives none. An event that is larger runs
// into the limit at run time.
const (
	assumedString = 1024
	assumedItem   = 128 // a string in a list or map
	assumedItems  = 100
	assumedAny    = 64 // of a value of any type: characters or items
)

// estimator tells cel-go's cost model how large the data can be.
type estimator struct{ env *Env }

// EstimateCallCost implements cost.Estimator: the models of the functions know.
func (estimator) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// EstimateSize implements cost.Estimator.
func (e estimator) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	most := uint64(1)
	f := e.field(node.Path())
	switch kind := node.Type().Kind(); {
	case f != nil && f.Type == String && f.MaxLength > 0:
		most = uint64(f.MaxLength)
	case f != nil && f.Type == List && f.MaxItems > 0:
		most = uint64(f.MaxItems)
	case kind == types.ListKind || kind == types.MapKind || kind == types.StructKind:
		most = assumedItems
	case isItem(node.Path()) && (kind == types.StringKind || kind == types.BytesKind):
		most = assumedItem
	case kind == types.StringKind || kind == types.BytesKind:
		most = assumedString
	case kind == types.DynKind || kind == types.TypeParamKind:
		most = assumedAny
	}
	return &cost.SizeEstimate{Min: 0, Max: most}
}

// isItem tells the items, keys and values of a container; cel-go asks for those
// that no path leads to without one.
func isItem(path []string) bool {
	return len(path) == 0 || strings.HasPrefix(path[len(path)-1], "@")
}

// field returns the record's field at a path such as record, tags, @items.
func (e estimator) field(path []string) *field {
	if len(path) < 2 || path[0] != "record" || e.env.record == nil {
		return nil
	}
	s := e.env.record
	var f *field
	for _, name := range path[1:] {
		switch {
		case name == "@items" && f != nil:
			f = f.items
		case s != nil:
			f = s.byName[name]
		default:
			return nil
		}
		if f == nil {
			return nil
		}
		s = f.Object
	}
	return f
}
