package hubspot

// operation is one thing that HubSpot can be asked to do.
type operation string

const (
	opCreate       operation = "create"
	opRead         operation = "read"
	opList         operation = "list"
	opUpdate       operation = "update"
	opArchive      operation = "archive"
	opBatchCreate  operation = "batch_create"
	opBatchRead    operation = "batch_read"
	opBatchUpdate  operation = "batch_update"
	opBatchUpsert  operation = "batch_upsert"
	opBatchArchive operation = "batch_archive"
	opSearch       operation = "search"
	opProperties   operation = "property_list"
	opProperty     operation = "property_read"
	opNewProperty  operation = "property_create"
	opUnknown      operation = "unknown"
)

func (o operation) creates() bool {
	return o == opCreate || o == opBatchCreate || o == opBatchUpsert
}

func (o operation) updates() bool {
	return o == opUpdate || o == opBatchUpdate || o == opBatchUpsert
}

// writes says whether the operation changes objects; only such ones meet
// faults by chance.
func (o operation) writes() bool {
	return o.creates() || o.updates() || o == opArchive || o == opBatchArchive
}

// batches says whether the operation is a batch whose inputs are answered one
// by one.
func (o operation) batches() bool {
	return o == opBatchCreate || o == opBatchUpdate || o == opBatchUpsert
}

// property says whether the operation is one on property definitions.
func (o operation) property() bool {
	return o == opProperties || o == opProperty || o == opNewProperty
}

// hasBody says whether requests of the operation carry JSON.
func (o operation) hasBody() bool {
	switch o {
	case opRead, opList, opArchive, opProperties, opProperty, opUnknown:
		return false
	default:
		return true
	}
}
