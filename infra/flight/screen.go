package flight

import (
	"slices"

	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	flatbuffers "github.com/google/flatbuffers/go"
)

// What a client sends as parameters is read by a library that trusts it: a
// schema whose fields contain themselves ends the process by its stack, a
// length of four thousand million by its memory, and no recover helps against
// either. So each message is walked first, within bounds, and only the flat,
// uncompressed, one-row kind that parameters need is let through.

const (
	maxHeader       = 64 << 10
	maxPutMessages  = 16
	maxParameters   = 256
	maxMetadata     = 64 // key-value pairs of a message, all together
	maxViewBuffers  = 1024
	headerSchema    = 1 // Arrow's MessageHeader
	headerRecord    = 3
	littleEndian    = 0
	messageHeaderTy = 6 // places in the tables of Arrow's Message.fbs and Schema.fbs
	messageHeader   = 8
	messageMetadata = 12
	schemaEndian    = 4
	schemaFields    = 6
	schemaMetadata  = 8
	fieldTypeTy     = 8
	fieldDictionary = 12
	fieldChildren   = 14
	fieldMetadata   = 16
	recordCodec     = 10
	recordViews     = 12
)

// parameterTypes are the members of Arrow's Type union that a parameter may
// have: null, integer, floating point, text, boolean, decimal, date, time,
// timestamp, large text, text view.
var parameterTypes = map[byte]bool{1: true, 2: true, 3: true, 5: true, 6: true, 7: true, 8: true, 9: true, 10: true, 20: true, 24: true}

// screened is a DoPut stream whose messages have been walked.
type screened struct {
	arrowflight.FlightService_DoPutServer
	messages int
}

// Recv gives the next message, or a CodeProtocol error.
func (s *screened) Recv() (*arrowflight.FlightData, error) {
	data, err := s.FlightService_DoPutServer.Recv()
	if err != nil {
		return nil, err
	}
	s.messages++
	switch {
	case s.messages > maxPutMessages:
		return nil, malformed()
	case s.messages == 1 && data.GetFlightDescriptor() == nil:
		return nil, malformed() // the library would follow the nil descriptor
	case len(data.DataHeader) > 0 && !wellFormed(data.DataHeader):
		return nil, malformed()
	}
	// The library slices by the lengths that the message claims. Without spare
	// capacity a claim past the end is a panic, and not a look at the memory
	// behind, where another client's message may have been.
	data.DataHeader = slices.Clip(data.DataHeader)
	data.DataBody = slices.Clip(data.DataBody)
	return data, nil
}

// wellFormed reports whether an Arrow message is of the kind that parameters
// need. What it does not look at is read within the bounds of the message.
func wellFormed(header []byte) (ok bool) {
	defer func() {
		if recover() != nil { // an offset that points outside
			ok = false
		}
	}()
	if len(header) < 8 || len(header) > maxHeader {
		return false
	}
	message := flatbuffers.Table{Bytes: header, Pos: flatbuffers.GetUOffsetT(header)}
	pairs := vectorLen(&message, messageMetadata)
	kind := message.GetByteSlot(messageHeaderTy, 0)
	at := message.Offset(messageHeader)
	if at == 0 {
		return false
	}
	var body flatbuffers.Table
	message.Union(&body, flatbuffers.UOffsetT(at))

	switch kind {
	case headerSchema:
		if body.GetInt16Slot(schemaEndian, littleEndian) != littleEndian {
			return false
		}
		pairs += vectorLen(&body, schemaMetadata)
		fields := vectorLen(&body, schemaFields)
		if fields > maxParameters || pairs > maxMetadata {
			return false
		}
		for i := range fields {
			field := element(&body, schemaFields, i)
			pairs += vectorLen(&field, fieldMetadata)
			if !parameterTypes[field.GetByteSlot(fieldTypeTy, 0)] ||
				vectorLen(&field, fieldChildren) > 0 || field.Offset(fieldDictionary) != 0 || pairs > maxMetadata {
				return false
			}
		}
		return true
	case headerRecord:
		if pairs > maxMetadata || body.Offset(recordCodec) != 0 {
			return false
		}
		views := vectorLen(&body, recordViews)
		if views > maxParameters {
			return false
		}
		for i := range views {
			at := body.Vector(flatbuffers.UOffsetT(body.Offset(recordViews))) + flatbuffers.UOffsetT(i*8)
			if n := body.GetInt64(at); n < 0 || n > maxViewBuffers {
				return false
			}
		}
		return true
	}
	return false
}

// vectorLen is the length of the vector at a table's place, 0 without one.
func vectorLen(t *flatbuffers.Table, place flatbuffers.VOffsetT) int {
	at := t.Offset(place)
	if at == 0 {
		return 0
	}
	return t.VectorLen(flatbuffers.UOffsetT(at))
}

// element is the i-th table of the vector at a table's place.
func element(t *flatbuffers.Table, place flatbuffers.VOffsetT, i int) flatbuffers.Table {
	at := t.Vector(flatbuffers.UOffsetT(t.Offset(place))) + flatbuffers.UOffsetT(i*4)
	return flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(at)}
}
