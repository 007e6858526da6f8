# toolrec for PowerShell 7: a key asks about the line you are on. docs/zsh.md has the keys and settings in common.
#
# The first press of the key (Alt+/) shows the recommendations above the line; each further one puts the
# next invocation on it, and after the last the question comes back. Nothing happens as you type.

# Show what the daemon recommends for a line, and remember the invocations.
function global:__toolrec_ask([string] $Line) {
    $global:__toolrec_state = @{ Choices = @(); At = 0; Placed = '' }
    $program = Get-Command -Name toolrec -CommandType Application -ErrorAction Ignore | Select-Object -First 1
    if ($null -eq $program) { return }
    $trigger = if ($env:TOOLREC_TRIGGER) { $env:TOOLREC_TRIGGER } else { '#' }
    $question = if ($Line.StartsWith($trigger)) { $Line.Substring($trigger.Length) } else { $Line }
    $answer = & $program.Source suggest --json --shell powershell '--' $question 2>$null
    if ($LASTEXITCODE -ne 0) {
        Write-Host "`ntoolrec: no answer; see: toolrecd doctor"
        return
    }
    $tools = @((ConvertFrom-Json -InputObject "$answer").tools)
    Write-Host ''
    if ($tools.Count -eq 0) { Write-Host 'toolrec: no tool found for that' }
    for ($i = 0; $i -lt $tools.Count; $i++) {
        $tool = $tools[$i]
        $state = if ($tool.installed) { 'installed' } elseif ($tool.install) { "install: $($tool.install)" } else { 'not installed' }
        Write-Host "$($i + 1).  $($tool.name)  [$state]  $($tool.summary)"
        Write-Host "      $($tool.example)"
    }
    $global:__toolrec_state.Choices = @($tools | ForEach-Object { $_.example }) + $Line
    $global:__toolrec_state.Placed = $Line
}

# Put the next invocation on the line, the cursor on its first {placeholder}.
function global:__toolrec_next([string] $Line) {
    $state = $global:__toolrec_state
    $choice = $state.Choices[$state.At]
    [Microsoft.PowerShell.PSConsoleReadLine]::Replace(0, $Line.Length, $choice)
    $placeholder = [regex]::Match($choice, '\{[a-z][a-z0-9_-]*\}')
    if ($placeholder.Success) {
        [Microsoft.PowerShell.PSConsoleReadLine]::SetCursorPosition($placeholder.Index)
    }
    $state.Placed = $choice
    $state.At = ($state.At + 1) % $state.Choices.Count
}

# One press of the key. `$LASTEXITCODE` stays as it was.
function global:__toolrec_key {
    $status = $global:LASTEXITCODE
    try {
        $line = ''
        $cursor = 0
        [Microsoft.PowerShell.PSConsoleReadLine]::GetBufferState([ref] $line, [ref] $cursor)
        $off = $env:TOOLREC_OFF -and $env:TOOLREC_OFF -ne '0'
        if ($off -or [string]::IsNullOrWhiteSpace($line)) { return }
        if ($global:__toolrec_state.Placed -and $line -ceq $global:__toolrec_state.Placed) {
            __toolrec_next $line
        } else {
            __toolrec_ask $line
            [Microsoft.PowerShell.PSConsoleReadLine]::InvokePrompt()
        }
    } catch {
        # At a prompt an error of ours is worse than no answer.
        $null = $_
    } finally {
        $global:LASTEXITCODE = $status
    }
}

# The chords of the list's keys; `alt-/` is Alt+/ here.
function global:__toolrec_chords {
    $keys = if ($env:TOOLREC_LIST_KEY) { $env:TOOLREC_LIST_KEY } else { 'alt-/' }
    $keys -split ' ' | Where-Object { $_ } | ForEach-Object { $_ -replace '^(ctrl|alt)-(.)$', '$1+$2' }
}

# Leave the running shell as it was: `toolrec uninit powershell | Out-String | Invoke-Expression` calls this.
function global:__toolrec_uninit {
    foreach ($chord in __toolrec_chords) { Remove-PSReadLineKeyHandler -Chord $chord -ErrorAction Ignore }
    Remove-Variable -Name __toolrec_state -Scope Global -ErrorAction Ignore
    Remove-Item -Path Function:__toolrec_* -ErrorAction Ignore
}

if ((Get-Command -Name Set-PSReadLineKeyHandler -ErrorAction Ignore) -and -not [Console]::IsInputRedirected) {
    $global:__toolrec_state = @{ Choices = @(); At = 0; Placed = '' }
    foreach ($chord in __toolrec_chords) {
        Set-PSReadLineKeyHandler -Chord $chord -BriefDescription toolrec -Description 'Recommend tools for this line' -ScriptBlock { __toolrec_key }
    }
}
