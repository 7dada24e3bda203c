; Installer for Windows, by Inno Setup 6.3 or newer. WRITTEN WITH CARE AND NOT RUN: no Windows was at hand.
;
;   python -m scripts.package
;   ISCC.exe /DVersion=0.1.0 /DProgram=..\..\dist\tolmach-0.1.0-windows-x86_64 packaging\windows\tolmach.iss
;
; Silent:  tolmach-0.1.0-setup.exe /VERYSILENT /SUPPRESSMSGBOXES /NORESTART /LOG=setup.log /TASKS="service,associate"
; Removed: unins000.exe /VERYSILENT /SUPPRESSMSGBOXES /NORESTART
;
; The program lies in Program Files. Configuration and data lie in %ProgramData%\tolmach, which neither an upgrade nor
; a removal touches.

#ifndef Version
  #error Say /DVersion=, as in src\tolmach\__init__.py
#endif
#ifndef Program
  #error Say /DProgram=, the folder that scripts.package made
#endif

[Setup]
; This identity stays for ever: an upgrade is recognised by it.
AppId={{6B0C2B5B-5B0E-4B52-9C1C-7C5F5D1E3A64}
AppName=tolmach
AppVersion={#Version}
AppPublisher=The tolmach developers
VersionInfoVersion={#Version}
DefaultDirName={autopf}\tolmach
DefaultGroupName=tolmach
DisableProgramGroupPage=yes
LicenseFile={#Program}\LICENSE
OutputBaseFilename=tolmach-{#Version}-setup
OutputDir=..\..\dist
SetupIconFile=..\..\build\package\icons\tolmach.ico
UninstallDisplayIcon={app}\tolmach-desktop.exe
; For the whole machine: a service and Program Files need an administrator.
PrivilegesRequired=admin
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
ChangesAssociations=yes
; Windows of ours are asked to close; the service is stopped below.
CloseApplications=yes
RestartApplications=no
ShowLanguageDialog=auto

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "uk"; MessagesFile: "compiler:Languages\Ukrainian.isl"
Name: "ru"; MessagesFile: "compiler:Languages\Russian.isl"

[CustomMessages]
en.TaskDesktop=Put an icon on the desktop
uk.TaskDesktop=Створити значок на стільниці
ru.TaskDesktop=Создать значок на рабочем столе
en.TaskAssociate=Offer tolmach for files that end in .dcm
uk.TaskAssociate=Пропонувати tolmach для файлів із закінченням .dcm
ru.TaskAssociate=Предлагать tolmach для файлов с окончанием .dcm
en.TaskService=Run the agent with the machine, as a service (by %ProgramData%\tolmach\tolmach.toml)
uk.TaskService=Запускати агента разом із комп’ютером, як службу (за %ProgramData%\tolmach\tolmach.toml)
ru.TaskService=Запускать агента вместе с компьютером, как службу (по %ProgramData%\tolmach\tolmach.toml)
en.Window=tolmach
uk.Window=tolmach
ru.Window=tolmach
en.Prompt=tolmach: command line
uk.Prompt=tolmach: командний рядок
ru.Prompt=tolmach: командная строка
en.Notices=Licences of others
uk.Notices=Ліцензії інших
ru.Notices=Лицензии других
en.Configuring=Writing a configuration to begin with...
uk.Configuring=Записуємо початкову конфігурацію...
ru.Configuring=Записываем начальную конфигурацию...
en.Registering=Installing the service...
uk.Registering=Установлюємо службу...
ru.Registering=Устанавливаем службу...
en.ServiceFailed=The service was not installed or did not start. Look at the configuration with “tolmach config check”, then run “tolmach service install” as an administrator.
uk.ServiceFailed=Службу не встановлено, або вона не запустилася. Перевірте конфігурацію командою «tolmach config check», потім виконайте «tolmach service install» від імені адміністратора.
ru.ServiceFailed=Служба не установлена или не запустилась. Проверьте конфигурацию командой «tolmach config check», затем выполните «tolmach service install» от имени администратора.
en.StillRunning=The service tolmach does not stop. Stop it in the window of the services, then run this again.
uk.StillRunning=Служба tolmach не зупиняється. Зупиніть її у вікні служб, потім запустіть установлення ще раз.
ru.StillRunning=Служба tolmach не останавливается. Остановите её в окне служб, затем запустите установку ещё раз.

[Tasks]
Name: "desktopicon"; Description: "{cm:TaskDesktop}"; Flags: unchecked
Name: "associate"; Description: "{cm:TaskAssociate}"; Flags: unchecked
Name: "service"; Description: "{cm:TaskService}"; Flags: unchecked

[InstallDelete]
; Libraries of an older version would be loaded instead of those of this one.
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#Program}\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs

[Dirs]
Name: "{commonappdata}\tolmach"; Flags: uninsneveruninstall

[Icons]
Name: "{group}\{cm:Window}"; Filename: "{app}\tolmach-desktop.exe"
Name: "{group}\{cm:Prompt}"; Filename: "{cmd}"; Parameters: "/K ""set ""PATH={app};%PATH%"" && tolmach --help"""; WorkingDir: "{commonappdata}\tolmach"
Name: "{group}\{cm:Notices}"; Filename: "{app}\THIRD-PARTY-NOTICES.txt"
Name: "{autodesktop}\{cm:Window}"; Filename: "{app}\tolmach-desktop.exe"; Tasks: desktopicon

[Registry]
; Only offered under “Open with”; what opens such files now goes on opening them.
Root: HKLM; Subkey: "Software\Classes\tolmach.dicom"; ValueType: string; ValueData: "DICOM"; Flags: uninsdeletekey; Tasks: associate
Root: HKLM; Subkey: "Software\Classes\tolmach.dicom\DefaultIcon"; ValueType: string; ValueData: "{app}\tolmach-desktop.exe,0"; Tasks: associate
Root: HKLM; Subkey: "Software\Classes\tolmach.dicom\shell\open\command"; ValueType: string; ValueData: """{app}\tolmach-desktop.exe"" ""%1"""; Tasks: associate
Root: HKLM; Subkey: "Software\Classes\.dcm\OpenWithProgids"; ValueType: none; ValueName: "tolmach.dicom"; Flags: uninsdeletevalue; Tasks: associate

[Run]
; Images and names of patients will lie here: the system, administrators, and the account that the service is given.
Filename: "{sys}\icacls.exe"; Parameters: """{commonappdata}\tolmach"" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F"; Flags: runhidden; Check: IsNewMachine
Filename: "{app}\tolmach-desktop.exe"; Description: "{cm:LaunchProgram,tolmach}"; Flags: nowait postinstall skipifsilent runasoriginaluser

[UninstallRun]
Filename: "{app}\tolmach.exe"; Parameters: "service remove"; WorkingDir: "{app}"; Flags: runhidden; RunOnceId: "service"

[Code]
var
  Fresh: Boolean;

function Folder: String;
begin
  Result := ExpandConstant('{commonappdata}\tolmach');
end;

function Configuration: String;
begin
  Result := Folder + '\tolmach.toml';
end;

{ Called for [Run], after [Dirs]: whether the folder of the data was made by this installation. }
function IsNewMachine: Boolean;
begin
  Result := Fresh;
end;

function HasService: Boolean;
begin
  Result := RegKeyExists(HKLM, 'SYSTEM\CurrentControlSet\Services\tolmach');
end;

{ `sc query` names the state of a service, in English whatever the language of Windows. }
function IsStopped: Boolean;
var
  Status: Integer;
begin
  Result := Exec(ExpandConstant('{cmd}'), '/C sc.exe query tolmach | find.exe "STOPPED"', '', SW_HIDE,
    ewWaitUntilTerminated, Status) and (Status = 0);
end;

{ Files in use cannot be replaced. What the service has in hand is finished or stays queued. }
function PrepareToInstall(var NeedsRestart: Boolean): String;
var
  Status, Tries: Integer;
begin
  Result := '';
  Fresh := not DirExists(Folder);
  if not HasService then
    exit;
  Exec(ExpandConstant('{sys}\sc.exe'), 'stop tolmach', '', SW_HIDE, ewWaitUntilTerminated, Status);
  Tries := 0;
  while (not IsStopped) and (Tries < 60) do
  begin
    Sleep(500);
    Tries := Tries + 1;
  end;
  if not IsStopped then
    Result := CustomMessage('StillRunning');
end;

function RunTolmach(Parameters: String): Boolean;
var
  Status: Integer;
begin
  Result := Exec(ExpandConstant('{app}\tolmach.exe'), Parameters, Folder, SW_HIDE, ewWaitUntilTerminated, Status)
    and (Status = 0);
end;

{ A service that was there goes on where it was; a new one is installed when it was asked for. }
procedure CurStepChanged(CurStep: TSetupStep);
var
  Status: Integer;
  Done: Boolean;
begin
  if CurStep <> ssPostInstall then
    exit;
  Done := True;
  if HasService then
    Done := Exec(ExpandConstant('{sys}\sc.exe'), 'start tolmach', '', SW_HIDE, ewWaitUntilTerminated, Status)
      and (Status = 0)
  else if WizardIsTaskSelected('service') then
  begin
    WizardForm.StatusLabel.Caption := CustomMessage('Configuring');
    if not FileExists(Configuration) then
      RunTolmach('init "' + Configuration + '"');
    WizardForm.StatusLabel.Caption := CustomMessage('Registering');
    Done := RunTolmach('--config "' + Configuration + '" service install');
  end;
  if not Done then
    SuppressibleMsgBox(CustomMessage('ServiceFailed'), mbError, MB_OK, IDOK);
end;
