package workspaces

import (
	"context"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
)

// Store keeps users, projects, workspaces, tokens and withdrawals.
type Store interface {
	// Update runs change in a transaction that no other can overlap. What change
	// does and records is durable when Update returns nil; if change fails,
	// nothing of it is kept and its error is returned. A store that cannot be
	// written, or whose journal cannot, is CodeJournal.
	Update(ctx context.Context, change func(Tx) error) error
	// View runs read on a snapshot of the last committed state.
	View(ctx context.Context, read func(Tx) error) error
}

// Tx is a transaction of a Store. What is asked for and absent is CodeNotFound.
type Tx interface {
	// Now is the one instant at which everything in the transaction happens.
	Now() time.Time
	// Record adds an event to the journal, committed with the transaction. A zero
	// time becomes Now.
	Record(e gatehouse.Event)
	// Notify tells a person something, once the transaction has committed. Nothing
	// depends on its being heard.
	Notify(n gatehouse.Notice)

	// AddUser is CodeConflict for a name that is taken.
	AddUser(ctx context.Context, name string) error
	HasUser(ctx context.Context, name string) (bool, error)
	HouseRoles(ctx context.Context, user string) ([]gatehouse.Role, error)
	// GrantRole and RevokeRole are idempotent.
	GrantRole(ctx context.Context, user string, role gatehouse.Role) error
	RevokeRole(ctx context.Context, user string, role gatehouse.Role) error

	Project(ctx context.Context, id string) (Project, error)
	// Projects gives all projects, by id, but those of the catalogue.
	Projects(ctx context.Context) ([]Project, error)
	// AddProject is CodeConflict for an id that is taken.
	AddProject(ctx context.Context, p Project) error
	// ChangeProject replaces the project with p's id and makes its version
	// p.Version+1. It is CodeConflict if the stored version is not p.Version.
	ChangeProject(ctx context.Context, p Project) error

	// Custodians gives the custodians of a dataset, by name: those who are named for it
	// and hold the role of custodian.
	Custodians(ctx context.Context, dataset string) ([]string, error)
	// Recalls gives the recalled versions of a dataset.
	Recalls(ctx context.Context, dataset string) ([]catalog.Recall, error)
	// CustodianOf gives the datasets that name a user, whatever roles they hold.
	CustodianOf(ctx context.Context, user string) ([]string, error)
	// AddCustodian and RemoveCustodian are idempotent.
	AddCustodian(ctx context.Context, dataset, user string) error
	RemoveCustodian(ctx context.Context, dataset, user string) error

	// Decisions gives all that was ever decided about a project, oldest first.
	Decisions(ctx context.Context, project string) ([]Decision, error)
	// AddDecision is CodeConflict if the dataset has a decision in that round, or
	// on that amendment.
	AddDecision(ctx context.Context, d Decision) error

	Amendment(ctx context.Context, id string) (Amendment, error)
	// Amendments gives a project's, oldest first.
	Amendments(ctx context.Context, project string) ([]Amendment, error)
	AddAmendment(ctx context.Context, a Amendment) error
	// ConcludeAmendment changes the state of an amendment that is still proposed,
	// else it is CodeConflict.
	ConcludeAmendment(ctx context.Context, id string, to AmendmentState) error

	// Agreement gives the newest version, CodeNotFound if none was ever added.
	Agreement(ctx context.Context) (Agreement, error)
	AddAgreement(ctx context.Context, a Agreement) error
	AddSignature(ctx context.Context, s Signature) error
	Signatures(ctx context.Context, project string) ([]Signature, error)

	// Released gives what ever left, the newest first.
	Released(ctx context.Context) ([]PublicRelease, error)

	// AddWarning keeps that a warning was given, and reports whether it is new.
	AddWarning(ctx context.Context, w Warning) (added bool, err error)

	Workspace(ctx context.Context, id string) (Workspace, error)
	Workspaces(ctx context.Context) ([]Workspace, error)
	AddWorkspace(ctx context.Context, w Workspace) error

	AddToken(ctx context.Context, t Token, hash string) error
	Token(ctx context.Context, id string) (Token, error)
	TokenByHash(ctx context.Context, hash string) (Token, error)
	Tokens(ctx context.Context, user string) ([]Token, error)
	// RevokeToken is idempotent.
	RevokeToken(ctx context.Context, id string) error

	SignInTx
	DirectoryTx
	SubmissionTx
	JointTx
	AppointmentTx
	DocumentTx

	// Withdraw adds units to those who left; project "" means every project.
	// It advances the mark that Withdrawn gives.
	Withdraw(ctx context.Context, dataset, project string, units []uint32) error
	// Withdrawn gives the units of a dataset who left a project.
	Withdrawn(ctx context.Context, dataset, project string) (*roaring.Bitmap, error)
	// SetConsents replaces who has consented to a project. It advances the mark too.
	SetConsents(ctx context.Context, c Consents) error
	// Consents is CodeNotFound if none were recorded.
	Consents(ctx context.Context, dataset, project string) (Consents, error)
	// ConsentsDated is when the list that Consents gives was made.
	ConsentsDated(ctx context.Context, dataset, project string) (time.Time, error)
	// SetLeaving takes the place of what was decided before. It advances the mark.
	SetLeaving(ctx context.Context, l Leaving) error
	// Leaving is LeavingRemove if nothing was decided.
	Leaving(ctx context.Context, dataset, project string) (Leaving, error)
	// SeenVersion notes when a version was published that the project has. It advances the
	// mark where that is later than what the project had before.
	SeenVersion(ctx context.Context, dataset, project string, published time.Time) error
	// WithdrawnAfter gives the units who left a dataset, and not the project, after a time.
	WithdrawnAfter(ctx context.Context, dataset, project string, after time.Time) (*roaring.Bitmap, error)
	// WithdrawalMark grows with each change of what Withdrawn and Consents give.
	WithdrawalMark(ctx context.Context, dataset, project string) (int64, error)

	// Population is CodeNotFound if none was written for the workspace.
	Population(ctx context.Context, workspace, dataset string) (Population, error)
	SetPopulation(ctx context.Context, p Population) error
}

// Authorizer decides who may do what. Its rules are data; separation of duties
// and states are not its business.
type Authorizer interface {
	// Authorize returns nil if p may do a in project ("" for the house), else
	// CodeDenied, or CodeNotFound where p may not know that the project exists.
	Authorize(ctx context.Context, p gatehouse.Principal, a gatehouse.Action, project string) error
	// Among gives those of some projects for which Authorize is nil, in their order.
	Among(ctx context.Context, p gatehouse.Principal, a gatehouse.Action, projects []string) ([]string, error)
}

// Catalogue gives published versions whose manifest verifies.
type Catalogue interface {
	// Version gives a version of a dataset; number 0 is the newest. It is
	// CodeNotFound if there is none, and CodeManifest if its signature or a file
	// does not verify.
	Version(ctx context.Context, dataset string, number int) (catalog.Version, error)
}

// Policies says which disclosure policies there are.
type Policies interface {
	// PinPolicy gives the name@version of a policy that there is: of its newest
	// version, if none is named. CodeConfig where there is none.
	PinPolicy(ctx context.Context, name string) (string, error)
}

// Token is a bearer token, without its secret.
type Token struct {
	ID        string
	User      string
	Workspace string // "" for a token that reaches no workspace
	IssuedBy  string
	Session   string // the sign-in in which its holder made it; "" if somebody issued it
	Issued    time.Time
	Expires   time.Time
	Revoked   time.Time // zero if it was not
}

// Population tells of the population file that was last written for a workspace.
type Population struct {
	Workspace string
	Dataset   string
	Version   int
	SHA256    string
	People    int64
	Mark      int64 // of the withdrawals that it leaves out
	Complete  bool  // holds every unit of the version
	Consent   bool  // holds only who consented to the project
	Built     time.Time

	published time.Time // when the version was; zero: of no version any more
}

// Assignment is a role that a user holds, and where.
type Assignment struct {
	Role  gatehouse.Role
	Scope string // a project, gatehouse.Everywhere, or HouseOnly
}

// HouseOnly is the scope of what concerns the house and no project. No project
// can have its name.
const HouseOnly = "/"

// Roles that nobody grants: they follow from what a user is.
const (
	RoleApplicant gatehouse.Role = "applicant" // of the house only: a user without house roles, who may draft a project
	RoleCreator   gatehouse.Role = "creator"   // within the project that the user drafted
	RoleNotebook  gatehouse.Role = "notebook"  // of a token that is bound to a workspace: what it can do at most, whoever holds it
)
