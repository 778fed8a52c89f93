package egress

import (
	"bytes"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/gatehouse-tre/gatehouse"
)

// keptParameters is a row of parameters as a decision keeps it.
func keptParameters(params arrow.RecordBatch) ([]byte, error) {
	if params == nil || params.NumCols() == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(params.Schema()))
	if err := w.Write(params); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if out.Len() > maxStatement {
		return nil, gatehouse.Errorf(gatehouse.CodeTooLarge, "The parameters are larger than 256 KiB.")
	}
	return out.Bytes(), nil
}
