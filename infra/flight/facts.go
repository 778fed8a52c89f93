package flight

import (
	"bytes"
	"context"
	"encoding/json"
	"runtime/debug"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/schema_ref"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// serverFacts is what the server says of itself (GetSqlInfo).
func serverFacts(l Limits) map[flightsql.SqlInfo]any {
	return map[flightsql.SqlInfo]any{
		flightsql.SqlInfoFlightSqlServerName:               "Gatehouse",
		flightsql.SqlInfoFlightSqlServerVersion:            buildVersion(""),
		flightsql.SqlInfoFlightSqlServerArrowVersion:       buildVersion("github.com/apache/arrow-go/v18"),
		flightsql.SqlInfoFlightSqlServerReadOnly:           false, // a workspace may keep tables of its own
		flightsql.SqlInfoFlightSqlServerSql:                true,
		flightsql.SqlInfoFlightSqlServerSubstrait:          false,
		flightsql.SqlInfoFlightSqlServerTransaction:        int32(flightsql.SqlTransactionNone),
		flightsql.SqlInfoFlightSqlServerCancel:             true,
		flightsql.SqlInfoFlightSqlServerBulkIngestion:      false,
		flightsql.SqlInfoFlightSqlServerStatementTimeout:   int32(0),
		flightsql.SqlInfoFlightSqlServerTransactionTimeout: int32(0),
		flightsql.SqlInfoDDLCatalog:                        false,
		flightsql.SqlInfoDDLSchema:                         false,
		flightsql.SqlInfoDDLTable:                          true,
		flightsql.SqlInfoIdentifierCase:                    int64(flightsql.SqlCaseSensitivityCaseInsensitive),
		flightsql.SqlInfoIdentifierQuoteChar:               `"`,
		flightsql.SqlInfoQuotedIdentifierCase:              int64(flightsql.SqlCaseSensitivityCaseInsensitive),
		flightsql.SqlInfoAllTablesAreASelectable:           true,
		flightsql.SqlInfoNullOrdering:                      int64(flightsql.SqlNullOrderingSortAtEnd),
		flightsql.SqlInfoSchemaTerm:                        "schema",
		flightsql.SqlInfoCatalogTerm:                       "catalog",
		flightsql.SqlInfoMaxStatementLen:                   int64(l.SQLBytes),
		flightsql.SqlInfoTransactionsSupported:             false,
		flightsql.SqlInfoSavePointsSupported:               false,
		flightsql.SqlInfoBatchUpdatesSupported:             false,
		flightsql.SqlInfoNamedParametersSupported:          false,
		flightsql.SqlInfoStoredProceduresSupported:         false,
		flightsql.SqlInfoSelectForUpdateSupported:          false,
	}
}

// buildVersion is the version of a module in this build; "" is ours.
func buildVersion(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	if module != "" {
		i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == module })
		if i < 0 {
			return "unknown"
		}
		version = info.Deps[i].Version
	}
	if version == "" || version == "(devel)" {
		return "development"
	}
	return version
}

// DoGetSqlInfo gives the facts that are asked for and known. Drivers ask for
// many at once, and one that is unknown must not cost them the others.
func (q *questions) DoGetSqlInfo(ctx context.Context, cmd flightsql.GetSqlInfo) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	known := serverFacts(q.server.limits)
	asked := slices.DeleteFunc(slices.Clone(cmd.GetInfo()), func(id uint32) bool {
		_, ok := known[flightsql.SqlInfo(id)]
		return !ok
	})
	if len(asked) == 0 && len(cmd.GetInfo()) > 0 {
		return nothing(schema_ref.SqlInfo)
	}
	return q.BaseServer.DoGetSqlInfo(ctx, factsAsked(asked))
}

type factsAsked []uint32

func (f factsAsked) GetInfo() []uint32 { return f }

// GetFlightInfoXdbcTypeInfo announces the SQL types.
func (q *questions) GetFlightInfoXdbcTypeInfo(_ context.Context, _ flightsql.GetXdbcTypeInfo, about *arrowflight.FlightDescriptor) (*arrowflight.FlightInfo, error) {
	return announced(schema_ref.XdbcTypeInfo, about)
}

// DoGetXdbcTypeInfo lists the SQL types that published tables have.
func (q *questions) DoGetXdbcTypeInfo(_ context.Context, cmd flightsql.GetXdbcTypeInfo) (*arrow.Schema, <-chan arrowflight.StreamChunk, error) {
	rows := []sqlType{}
	for _, t := range sqlTypes {
		if wanted := cmd.GetDataType(); wanted == nil || *wanted == t.DataType {
			t.Nullable, t.Searchable, t.SQLDataType, t.Local = 1, 3, t.DataType, t.Name
			rows = append(rows, t)
		}
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return nil, nil, err
	}
	batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema_ref.XdbcTypeInfo, bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	return listing(batch)
}

// sqlType is a row of GetXdbcTypeInfo; numbers are those of ODBC.
type sqlType struct {
	Name          string   `json:"type_name"`
	DataType      int32    `json:"data_type"`
	Size          *int32   `json:"column_size"`
	Prefix        *string  `json:"literal_prefix"`
	Suffix        *string  `json:"literal_suffix"`
	Params        []string `json:"create_params"`
	Nullable      int32    `json:"nullable"`
	CaseSensitive bool     `json:"case_sensitive"`
	Searchable    int32    `json:"searchable"`
	Unsigned      *bool    `json:"unsigned_attribute"`
	FixedScale    bool     `json:"fixed_prec_scale"`
	Local         string   `json:"local_type_name"`
	SQLDataType   int32    `json:"sql_data_type"`
	Radix         *int32   `json:"num_prec_radix"`
}

var (
	quote, no = "'", false
	ten, two  = int32(10), int32(2)
	sqlTypes  = []sqlType{
		{Name: "BIGINT", DataType: -5, Size: digits(19), Unsigned: &no, Radix: &ten},
		{Name: "DECIMAL", DataType: 3, Size: digits(38), Unsigned: &no, Radix: &ten, Params: []string{"precision", "scale"}},
		{Name: "INTEGER", DataType: 4, Size: digits(10), Unsigned: &no, Radix: &ten},
		{Name: "DOUBLE", DataType: 8, Size: digits(53), Unsigned: &no, Radix: &two},
		{Name: "VARCHAR", DataType: 12, Prefix: &quote, Suffix: &quote, CaseSensitive: true},
		{Name: "BOOLEAN", DataType: 16, Size: digits(1)},
		{Name: "DATE", DataType: 91, Size: digits(10), Prefix: &quote, Suffix: &quote},
		{Name: "TIMESTAMP", DataType: 93, Size: digits(26), Prefix: &quote, Suffix: &quote},
	}
)

func digits(n int32) *int32 { return &n }
