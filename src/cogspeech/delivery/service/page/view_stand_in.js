// Stands in for the view of the report where that is not installed: the words as a table.
export function mountRecording(element, data) {
  const table = document.createElement('table');
  for (const word of data.words) {
    const row = table.insertRow();
    row.insertCell().textContent = word.text;
    row.insertCell().textContent = String(word.attribution);
  }
  element.replaceChildren(table);
}
